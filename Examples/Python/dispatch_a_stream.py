"""Ten minutes of a small service: each minute who is free and what is open goes in, and who goes where comes out."""

import cafe

dispatcher = cafe.Dispatcher("cafe-chengdu")
workers = {"ana": [1.0, 1.0], "bo": [4.0, 2.0], "chen": [2.0, 5.0]}
tasks = {"boiler": ([1.5, 1.0], 0, 40), "tap": ([4.0, 4.0], 2, 12), "roof": ([2.5, 4.5], 5, 60)}
promised: list[dict] = []

for minute in range(10):
    known = {name: task for name, task in tasks.items() if task[1] <= minute}
    request = {
        "now": minute,
        "workers": [{"id": name, "xy": place} for name, place in workers.items()],
        "tasks": [
            {"id": name, "xy": place, "release": release, "workload_min": work, "deadline": release + 90, "pay": work}
            for name, (place, release, work) in known.items()
        ],
        "commitments": promised,
    }
    plan = dispatcher.plan(request)
    assert dispatcher.check(plan, request) == []
    for assignment in plan["assignments"]:
        if not assignment["kept"]:
            print(f"minute {minute}: {assignment['worker']} goes to {assignment['task']}, there at {assignment['arrival']:.1f}")
    promised = [{key: a[key] for key in ("worker", "task", "arrival")} for a in plan["assignments"]]

best = dispatcher.recommend("roof", {**request, "commitments": []})[0]
print(f"the best team for the roof: {', '.join(best['team'])}")
