"""One moment of dispatch, answered by cafe-cli and by the solvers that others would take.

    python3 dispatch.py PATH/TO/cafe-cli [--moments 30] [--workers 20] [--tasks 20]

Needs ortools and pyvroom. Every moment is a request of docs/api.md. Value is what the plan's new teams earn beyond 0.3 of
the moment's mean pay per worker-minute for each of their minutes: what the coalition rule and CP-SAT maximise. VROOM has
no teams: it plays moments where one worker is enough (max_team 1), and counts pay only.
"""

import argparse
import itertools
import json
import random
import subprocess
import time

SKILLS = ["a", "b", "c", "d"]


def moment(seed, workers, tasks, cap):
    draw = random.Random(seed)
    request = {"now": 30, "policy": "coalition", "workers": [], "tasks": []}
    for number in range(workers):
        request["workers"].append({
            "id": f"w{number}", "xy": [draw.uniform(0, 10), draw.uniform(0, 10)],
            "skills": draw.sample(SKILLS, draw.randint(1, 2)), "speed_kmh": draw.uniform(20, 33), "reach_km": 11.1,
            "shift": [0, 300]})
    for number in range(tasks):
        release = draw.uniform(10, 30)
        request["tasks"].append({
            "id": f"t{number}", "xy": [draw.uniform(0, 10), draw.uniform(0, 10)], "release": release,
            "skill": draw.choice(SKILLS), "workload_min": draw.uniform(11, 30), "expected_by": release + draw.uniform(25, 35),
            "deadline": release + draw.uniform(40, 60), "pay": draw.uniform(0.10, 0.16), "penalty_per_min": 0.003,
            "max_team": cap})
    return request


def price(request):
    return 0.3 * sum(t["pay"] for t in request["tasks"]) / sum(t["workload_min"] for t in request["tasks"])


def finish(arrivals, work):
    arrivals = sorted(arrivals)
    total = 0.0
    for count, arrival in enumerate(arrivals, 1):
        total += arrival
        end = (work + total) / count
        if count == len(arrivals) or end <= arrivals[count]:
            return end
    return float("inf")


def payment(task, end):
    if end > task["deadline"]:
        return 0.0
    return max(0.0, task["pay"] - task["penalty_per_min"] * max(0.0, end - task["expected_by"]))


def arrival(request, worker, task):
    if task["skill"] not in worker["skills"]:
        return None
    way = abs(worker["xy"][0] - task["xy"][0]) + abs(worker["xy"][1] - task["xy"][1])
    there = request["now"] + way / worker["speed_kmh"] * 60
    return there if way <= worker["reach_km"] and there < task["deadline"] else None


def value(request, teams):
    cost = price(request)
    result = pay = 0.0
    for number, team in teams.items():
        task = request["tasks"][number]
        end = finish([arrival(request, request["workers"][w], task) for w in team], task["workload_min"])
        pay += payment(task, end)
        result += payment(task, end) - cost * len(team) * (min(end, task["deadline"]) - request["now"])
    return result, pay


def by_cafe(cli, requests, policy):
    lines = "".join(json.dumps({**r, "policy": policy}) + "\n" for r in requests)
    began = time.perf_counter()
    answer = subprocess.run([cli, "dispatch"], input=lines, capture_output=True, text=True, check=True).stdout
    seconds = time.perf_counter() - began
    plans = []
    for line, request in zip(answer.splitlines(), requests):
        teams = {}
        for entry in json.loads(line)["assignments"]:
            teams.setdefault(int(entry["task"][1:]), []).append(int(entry["worker"][1:]))
        plans.append(teams)
    return plans, seconds / len(requests)


def by_cpsat(requests, largest, nearest):
    from ortools.sat.python import cp_model
    plans = []
    began = time.perf_counter()
    for request in requests:
        model = cp_model.CpModel()
        cost = price(request)
        use, terms, columns = {}, [], []
        for number, task in enumerate(request["tasks"]):
            able = sorted((a, w) for w, worker in enumerate(request["workers"]) if (a := arrival(request, worker, task)))
            able = able[:nearest]
            mine = []
            for size in range(1, min(largest, task["max_team"]) + 1):
                for team in itertools.combinations(able, size):
                    end = finish([a for a, _ in team], task["workload_min"])
                    gain = payment(task, end) - cost * size * (end - request["now"])
                    if gain <= 0:
                        continue
                    chosen = model.new_bool_var("")
                    mine.append(chosen)
                    terms.append(int(gain * 1e9) * chosen)
                    columns.append((number, [w for _, w in team], chosen))
                    for _, worker in team:
                        use.setdefault(worker, []).append(chosen)
            model.add_at_most_one(mine)
        for chosen in use.values():
            model.add_at_most_one(chosen)
        model.maximize(sum(terms))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = 30
        solver.solve(model)
        plans.append({n: team for n, team, chosen in columns if solver.value(chosen)})
    return plans, (time.perf_counter() - began) / len(requests)


def by_vroom(requests):
    import vroom
    plans = []
    began = time.perf_counter()
    for request in requests:
        problem = vroom.Input()
        workers, tasks = request["workers"], request["tasks"]
        size = len(workers) + len(tasks)
        matrix = [[0] * size for _ in range(size)]
        for w, worker in enumerate(workers):
            for t, task in enumerate(tasks):
                way = abs(worker["xy"][0] - task["xy"][0]) + abs(worker["xy"][1] - task["xy"][1])
                matrix[w][len(workers) + t] = int(way / 26.5 * 3600)
        problem.set_durations_matrix(profile="car", matrix_input=matrix)
        now = int(request["now"] * 60)
        for w, worker in enumerate(workers):
            problem.add_vehicle(vroom.Vehicle(
                w, start=w, profile="car", max_tasks=1, skills={SKILLS.index(s) for s in worker["skills"]},
                time_window=(now, now + 18000), speed_factor=worker["speed_kmh"] / 26.5))
        top = max(task["pay"] for task in tasks)
        for t, task in enumerate(tasks):
            last = int((task["deadline"] - task["workload_min"]) * 60)
            if last <= now:
                continue
            problem.add_job(vroom.Job(
                t, location=len(workers) + t, default_service=int(task["workload_min"] * 60),
                skills={SKILLS.index(task["skill"])}, priority=int(100 * task["pay"] / top), time_windows=[(now, last)]))
        solution = problem.solve(exploration_level=5, nb_threads=1)
        plan = {}
        for step in solution.routes.to_dict("records"):
            if step["type"] == "job":
                plan[int(step["id"])] = [int(step["vehicle_id"])]
        plans.append(plan)
    return plans, (time.perf_counter() - began) / len(requests)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("cli")
    options.add_argument("--moments", type=int, default=30)
    options.add_argument("--workers", type=int, default=20)
    options.add_argument("--tasks", type=int, default=20)
    given = options.parse_args()
    for title, cap in [("teams", 4), ("one worker for each task", 1)]:
        requests = [moment(s, given.workers, given.tasks, cap) for s in range(given.moments)]
        print(f"\n{title}: {given.moments} moments, {given.workers} workers, {given.tasks} tasks")
        print(f"{'solver':<28}{'value':>9}{'pay':>9}{'tasks':>8}{'ms a moment':>13}")
        rows = [(f"cafe-cli, {p}", by_cafe(given.cli, requests, p)) for p in ("coalition", "hungarian", "cafe", "cafe-chengdu")]
        rows.append(("CP-SAT, 8 nearest", by_cpsat(requests, min(cap, 4), 8)))
        if cap == 1:
            rows.append(("CP-SAT, all", by_cpsat(requests, 1, given.workers)))
            rows.append(("VROOM", by_vroom(requests)))
        for name, (plans, seconds) in rows:
            results = [value(r, p) for r, p in zip(requests, plans)]
            print(f"{name:<28}{sum(r[0] for r in results) / len(results):>9.4f}"
                  f"{sum(r[1] for r in results) / len(results):>9.4f}"
                  f"{sum(len(p) for p in plans) / len(plans):>8.2f}{seconds * 1000:>13.2f}")


if __name__ == "__main__":
    main()
