#!/usr/bin/env python3
"""Load on cafe-server: pairs of next and answer a second, latency, memory, kills. See README.md.

  run.py --server BINARY pairs [--tasks 1000,100000] [--annotators 1,10,100,1000] [--seconds 10] [--method pooled]
  run.py --server BINARY half  [--rate R | --share 0.5] [--minutes 30] [--tasks 100000] [--annotators 100]
  run.py --server BINARY start [--tasks 100000] [--labels 200000]
  run.py --server BINARY kills [--kills 1000] [--annotators 20]
  run.py limit                         what the load generator itself can do, against nginx with fixed answers
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def note(text):
    print(text, file=sys.stderr, flush=True)


class Server:
    def __init__(self, binary, folder, *options):
        self.binary, self.folder, self.options = binary, pathlib.Path(folder), options
        self.port, self.token_file = free_port(), self.folder / "token"

    def start(self):
        began = time.monotonic()
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "--data", str(self.folder / "data"), "--port", str(self.port), "--admin-token-file", str(self.token_file),
             "--rate-limit", "0", "--log-level", "warning", *self.options], stdout=self.log, stderr=self.log)
        while True:
            try:
                if self.call("GET", "/readyz")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - began > 300:
                raise SystemExit(f"the server did not start: {(self.folder / 'log').read_text()[-1500:]}")
            time.sleep(0.005)
        self.admin = self.token_file.read_text().strip()
        return time.monotonic() - began

    def call(self, method, path, body=None, token=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            headers = {"Content-Type": kind} if body is not None else {}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            connection.request(method, path, body if isinstance(body, (bytes, str, type(None))) else json.dumps(body), headers)
            reply = connection.getresponse()
            data = reply.read()
            return reply.status, json.loads(data) if "json" in (reply.headers.get("Content-Type") or "") and "ndjson" not in reply.headers["Content-Type"] else data
        finally:
            connection.close()

    def must(self, *words, **more):
        status, document = self.call(*words, token=self.admin, **more)
        if status >= 300:
            raise SystemExit(f"{words[:2]}: {status} {document}")
        return document

    def study(self, tasks, annotators, budget, method="pooled", lease=3600):
        rows = [{"id": f"t{i}", "context": f"c{i % 5}", "text": f"Text number {i} of the load, as long as a headline is in a paper."} for i in range(tasks)]
        made = self.must("POST", "/v1/studies", {"name": "load", "classes": ["a", "b", "c"], "tasks": rows, "budget": budget, "method": method, "lease_seconds": lease})
        lines = []
        for i in range(annotators):
            worker = self.must("POST", f"/v1/studies/{made['id']}/workers", {"id": f"w{i}"})
            lines.append(f"w{i} {worker['token']}\n")
        tokens = self.folder / f"tokens-{made['id']}"
        tokens.write_text("".join(lines))
        return made["id"], tokens

    def memory(self):
        """Resident, and its peak, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        field = lambda name: next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name + ":"))
        return field("VmRSS"), field("VmHWM")

    def cpu(self):
        words = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / TICK

    def stop(self):
        self.process.terminate()
        status = self.process.wait(60)
        self.log.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def build_load(folder):
    program = pathlib.Path(folder) / "load"
    subprocess.run(["cc", "-O2", "-o", str(program), str(HERE / "load.c"), "-lm"], check=True)
    return str(program)


def load(program, server, study, tokens, *options):
    done = subprocess.run([program, str(server.port), "", study, str(tokens), *map(str, options)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    if done.stderr:
        note(done.stderr.strip())
    return json.loads(done.stdout)


def fsync_ms(folder, count=200):
    """What the disk takes for 4 KiB and fdatasync: the floor of a commit."""
    path, times = pathlib.Path(folder) / "sync", []
    with open(path, "wb") as file:
        for _ in range(count):
            file.write(b"x" * 4096)
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - began)
    path.unlink()
    times.sort()
    return round(1000 * times[len(times) // 2], 3), round(1000 * times[int(len(times) * .99)], 3)


def fields(row):
    return {"pairs/s": row["pairs_per_second"], "next p50": row["next"]["p50_ms"], "next p99": row["next"]["p99_ms"],
            "answer p50": row["answer"]["p50_ms"], "answer p99": row["answer"]["p99_ms"], "pair p50": row["pair"]["p50_ms"],
            "pair p99": row["pair"]["p99_ms"], "load's cpu": row["load_cpu_share"], "refused": row["refused"] + row["errors"]}


def table(rows):
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(str(row[name]) for name in names) + " |")
    sys.stdout.flush()


def checked(server, study, budget):
    state = server.must("GET", f"/v1/studies/{study}")
    rows = server.must("GET", f"/v1/studies/{study}/answers?format=json")["answers"]
    pairs = {(row["task"], row["worker"]) for row in rows}
    assert len(pairs) == len(rows), "a pair has two answers"
    assert state["spent"] <= budget and state["spent"] == len(rows), (state["spent"], len(rows), budget)
    return state, rows


def pairs(options, program, folder):
    print(f"fdatasync of 4 KiB: median {fsync_ms(folder)[0]} ms, p99 {fsync_ms(folder)[1]} ms; load average {os.getloadavg()[0]:.1f} before")
    rows = []
    for tasks in map(int, options.tasks.split(",")):
        for annotators in map(int, options.annotators.split(",")):
            here = pathlib.Path(tempfile.mkdtemp(dir=folder))
            server = Server(options.server, here)
            server.start()
            budget = 10 * tasks if tasks > 5000 else tasks * max(10, annotators)
            began = time.monotonic()
            study, tokens = server.study(tasks, annotators, budget, options.method)
            made = time.monotonic() - began
            load(program, server, study, tokens, "--seconds", 0.2)  # an annotator answers each task once: no long warm-up
            cpu = server.cpu()
            row = load(program, server, study, tokens, "--seconds", options.seconds)
            cpu = (server.cpu() - cpu) / max(row["seconds"], 0.01)
            checked(server, study, budget)
            rows.append({"tasks": tasks, "annotators": annotators, **fields(row), "server's cpu": round(cpu, 2), "MiB": round(server.memory()[0]), "load avg": round(os.getloadavg()[0], 1)})
            note(f"{json.dumps(rows[-1])} (study made in {made:.1f} s)")
            server.stop()
            shutil.rmtree(here)
    table(rows)


def half(options, program, folder):
    server = Server(options.server, folder)
    server.start()
    seconds = 60 * options.minutes
    rate = options.rate
    budget = 10 * options.tasks
    study, tokens = server.study(options.tasks, options.annotators, budget, options.method)
    if not rate:
        full = load(program, server, study, tokens, "--seconds", 15)
        rate = options.share * full["pairs_per_second"]
        note(f"full: {json.dumps(fields(full))}")
    rows, began = [], time.monotonic()
    steps = max(1, round(seconds / 60))
    for step in range(steps):
        cpu = server.cpu()
        row = load(program, server, study, tokens, "--seconds", seconds / steps, "--rate", rate)
        rows.append({"minute": round((time.monotonic() - began) / 60, 1), "rate": round(rate), **fields(row),
                     "server's cpu": round((server.cpu() - cpu) / row["seconds"], 2), "MiB": round(server.memory()[0], 1), "load avg": round(os.getloadavg()[0], 1)})
        note(json.dumps(rows[-1]))
    table(rows)
    state, _ = checked(server, study, budget)
    print(f"{state['labels']} labels in the end; nothing twice, budget held; stop status {server.stop()}")


def start(options, program, folder):
    server = Server(options.server, folder)
    empty = server.start()
    study, tokens = server.study(options.tasks, 100, 10 * options.tasks, options.method)
    made = 0
    while made < options.labels:
        made += load(program, server, study, tokens, "--seconds", 20)["pair"]["count"]
        note(f"{made} labels")
    row = load(program, server, study, tokens, "--seconds", 10)
    rss = server.memory()
    server.kill()
    after_kill = server.start()
    first = load(program, server, study, tokens, "--seconds", 1)
    server.stop()
    after_stop = server.start()
    state, _ = checked(server, study, 10 * options.tasks)
    size = sum(path.stat().st_size for path in (server.folder / "data").iterdir()) / 2**20
    table([{"tasks": options.tasks, "labels": state["labels"], **fields(row), "start empty s": round(empty, 2), "start after kill s": round(after_kill, 2),
            "start after stop s": round(after_stop, 2), "MiB": round(rss[0]), "peak MiB": round(rss[1]), "MiB after start": round(server.memory()[0]), "file MiB": round(size), "first second pairs/s": first["pairs_per_second"]}])
    server.stop()


def kills(options, program, folder):
    """SIGKILL at random moments under load; then every acknowledged answer must be there, no pair asked twice, the budget held."""
    server = Server(options.server, folder)
    server.start()
    log, budget = pathlib.Path(folder) / "acknowledged", options.budget
    study, tokens = server.study(options.tasks, options.annotators, budget, options.method, lease=360000)
    result = {}

    def run():
        made = result["process"] = subprocess.Popen([program, str(server.port), "", study, str(tokens), "--seconds", "36000", "--patient", "--log", str(log)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        result["load"] = made.communicate()[0]

    chance, starts, began = random.Random(options.seed), [], time.monotonic()
    thread = threading.Thread(target=run)
    thread.start()
    killed = 0
    while killed < options.kills and thread.is_alive():
        time.sleep(chance.uniform(0.005, options.longest))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.log.close()
        killed += 1
        starts.append(server.start())
        if killed % 50 == 0:
            note(f"{killed} kills, {time.monotonic() - began:.0f} s")
    note("waiting for the rest of the budget")
    thread.join(options.rest)
    if thread.is_alive():  # the budget is not spent: end the load; it writes its log when it is told
        result["process"].terminate()
        thread.join()
    state, rows = checked(server, study, budget)
    found = {(row["worker"], row["task"]): row["label"] for row in rows}
    acknowledged, questions, lost, changed = 0, {}, 0, 0
    for line in log.read_text().splitlines():
        words = line.split()
        if words[0] == "A" and len(words) == 4:
            acknowledged += 1
            label = found.get((words[1], words[2]))
            lost += label is None
            changed += label is not None and label != words[3]
        elif words[0] == "Q" and len(words) == 4:
            questions.setdefault((words[1], words[2]), set()).add(words[3])
    twice = sum(len(ids) > 1 for ids in questions.values())
    starts.sort()
    table([{"kills": killed, "acknowledged": acknowledged, "lost": lost, "changed": changed, "pairs asked": len(questions), "asked twice": twice,
            "answers": len(rows), "doubled": len(rows) - len(found), "budget": budget, "spent": state["spent"], "set aside": state["set_aside"],
            "start p50 s": round(starts[len(starts) // 2], 3), "start max s": round(starts[-1], 3), "minutes": round((time.monotonic() - began) / 60, 1)}])
    print(result.get("load", "").strip())
    server.stop()
    if lost or changed or twice or len(rows) != len(found) or state["spent"] + state["set_aside"] > budget:
        raise SystemExit("a promise is broken")


def limit(_, program, folder):
    """nginx gives the same question for ever: what the generator can do at most on this machine."""
    port = free_port()
    question = '{"question":{"id":17,"task":"t1","text":"Text number 1 of the load.","classes":["a","b","c"],"expires_at":"2026-11-30T10:00:00.000Z"},"progress":{"answered":3,"about":30}}'
    (pathlib.Path(folder) / "nginx.conf").write_text(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; default_type application/json; keepalive_requests 100000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; server {{ listen 127.0.0.1:{port};
location ~ next$ {{ return 200 '{question}'; }} location ~ answers$ {{ return 200 '{{"recorded":true}}'; }} }} }}""")
    process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    rows = []
    for annotators in (1, 10, 100, 1000):
        tokens = pathlib.Path(folder) / "tokens"
        tokens.write_text("".join(f"w{i} token{i:040d}\n" for i in range(annotators)))
        done = subprocess.run([program, str(port), "", "x", str(tokens), "--seconds", "5"], capture_output=True, text=True)
        rows.append({"annotators": annotators, **fields(json.loads(done.stdout)), "load avg": round(os.getloadavg()[0], 1)})
    table(rows)
    process.terminate()
    process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["pairs", "half", "start", "kills", "limit"])
    parser.add_argument("--server", default=str(HERE.parent.parent / ".build/release/cafe-server"))
    parser.add_argument("--folder", help="where data folders are made; a real disk, not a tmpfs")
    parser.add_argument("--method", default="pooled")
    parser.add_argument("--tasks", default=None)
    parser.add_argument("--annotators", default=None)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--labels", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--budget", type=float, default=100_000)
    parser.add_argument("--longest", type=float, default=0.3)
    parser.add_argument("--rest", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.server = os.path.abspath(options.server)
    usual = {"pairs": ("1000,100000", "1,10,100,1000"), "half": ("100000", "100"), "start": ("100000", "100"), "kills": ("5000", "20"), "limit": ("0", "0")}[options.what]
    options.tasks = options.tasks or usual[0]
    options.annotators = options.annotators or usual[1]
    if options.what != "pairs":
        options.tasks, options.annotators = int(options.tasks), int(options.annotators)
    folder = tempfile.mkdtemp(prefix="cafe-load-", dir=options.folder)
    try:
        globals()[options.what](options, build_load(folder), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
