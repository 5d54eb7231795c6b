#!/usr/bin/env python3
"""The same load on potato-annotation and label-studio (PyPI), each in a virtual environment of its own.

  python3 -m venv P && P/bin/pip install potato-annotation==2.12.1
  python3 -m venv L && L/bin/pip install label-studio==1.23.2
  peers.py potato P [--tasks 1000] [--annotators 1,10,100] [--seconds 10]
  peers.py label-studio L [...]

A pair is what an annotator waits for between two items: the answer is stored and the next item is given. Potato: POST
/updateinstance, then POST /annotate with next_instance (it answers with the page). Label Studio: POST
/api/tasks/ID/annotations/, then GET /api/projects/ID/next. One thread and one connection an annotator.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

TEXT = "Text number {} of the load, as long as a headline is in a paper."


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


class Client:
    """One connection with cookies."""

    def __init__(self, port, headers=()):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers, self.cookies = dict(headers), {}

    def call(self, method, path, body=None, kind="application/json"):
        headers = {**self.headers}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers["Content-Type"] = kind
        for attempt in (0, 1):
            try:
                self.connection.request(method, path, body, headers)
                reply = self.connection.getresponse()
                break
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection.close()  # the other end does not keep connections alive
                if attempt:
                    raise
        for line in reply.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return reply.status, reply.read().decode(), reply.headers


def wait_for(port, path, process, log, seconds=400):
    began = time.time()
    while True:
        try:
            if Client(port).call("GET", path)[0] < 500:
                return time.time() - began
        except OSError:
            pass
        if process.poll() is not None or time.time() - began > seconds:
            raise SystemExit(f"it did not start ({process.poll()}): {pathlib.Path(log).read_text()[-1500:]}")
        time.sleep(0.2)


class Potato:
    name = "potato-annotation"

    def __init__(self, venv, folder, tasks, people):
        self.port = free_port()
        folder = pathlib.Path(folder)
        (folder / "tasks.jsonl").write_text("".join(json.dumps({"id": f"t{i}", "text": TEXT.format(i)}) + "\n" for i in range(tasks)))
        (folder / "config.yaml").write_text("""annotation_task_name: load
task_dir: .
output_annotation_dir: out
output_annotation_format: json
data_files: [tasks.jsonl]
item_properties: {id_key: id, text_key: text}
user_config: {allow_all_users: true, users: []}
require_password: false
authentication: {method: in_memory}
assignment_strategy: random
max_annotations_per_item: 10
annotation_schemes: [{annotation_type: radio, name: label, description: Which class, labels: [a, b, c]}]
site_dir: default
""")
        self.process = subprocess.Popen([f"{venv}/bin/potato", "start", "config.yaml", "-p", str(self.port), "--host", "127.0.0.1"], cwd=folder,
                                        stdout=open(folder / "log", "w"), stderr=subprocess.STDOUT)
        self.started = wait_for(self.port, "/", self.process, folder / "log")

    def annotator(self, number):
        client = Client(self.port)
        form = {"email": f"w{number}", "pass": "load-and-more-1"}
        for path, action in (("/register", "signup"), ("/auth", "login")):
            client.call("POST", path, urllib.parse.urlencode({**form, "action": action}), "application/x-www-form-urlencoded")
        return client, self.item(client.call("GET", "/annotate"))

    @staticmethod
    def item(reply):
        found = re.search(r'id="instance_id"[^>]*value="([^"]*)"', reply[1])
        return found[1] if found else None

    def pair(self, client, item, label):
        body = json.dumps({"instance_id": item, "annotations": {f"label:::{label}": label}, "span_annotations": []})
        status, text, _ = client.call("POST", "/updateinstance", body)
        if status != 200:
            raise RuntimeError(f"{status} {text[:200]}")
        stored = time.monotonic()
        return stored, self.item(client.call("POST", "/annotate", "action=next_instance", "application/x-www-form-urlencoded"))


class LabelStudio:
    name = "label-studio"

    def __init__(self, venv, folder, tasks, people):
        self.port = free_port()
        environment = {**os.environ, "LABEL_STUDIO_BASE_DATA_DIR": folder, "COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "",
                       "FRONTEND_SENTRY_DSN": "", "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true"}
        token = "0123456789abcdef0123456789abcdef01234567"
        self.process = subprocess.Popen([f"{venv}/bin/label-studio", "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port), "--username", "load@example.org",
                                         "--password", "loadload1", "--user-token", token], env=environment, stdout=open(f"{folder}/log", "w"), stderr=subprocess.STDOUT)
        self.started = wait_for(self.port, "/health", self.process, f"{folder}/log", 900)
        script = f"""
from users.models import User
from organizations.models import Organization
from rest_framework.authtoken.models import Token
organization = Organization.objects.first()
try:
    organization.jwt.legacy_api_tokens_enabled = True
    organization.jwt.save()
except Exception as error:
    print('no token settings', error)
for number in range({people}):
    user, _ = User.objects.get_or_create(email=f'w{{number}}@example.org', defaults=dict(username=f'w{{number}}'))
    organization.add_user(user)
    user.active_organization = organization
    user.save()
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=f'{{number:040x}}')
"""
        pathlib.Path(folder, "people.py").write_text(script + "print('people are made')\n")
        done = subprocess.run([f"{venv}/bin/label-studio", "shell"], input=f"exec(open({folder + '/people.py'!r}).read())\n", env=environment, capture_output=True, text=True, timeout=900)
        if "people are made" not in done.stdout + done.stderr:
            raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
        self.admin = Client(self.port, {"Authorization": f"Token {token}"})
        config = '<View><Text name="text" value="$text"/><Choices name="label" toName="text"><Choice value="a"/><Choice value="b"/><Choice value="c"/></Choices></View>'
        status, text, _ = self.admin.call("POST", "/api/projects/", json.dumps({"title": "load", "label_config": config, "maximum_annotations": 10, "sampling": "Uniform sampling"}))
        if status >= 300:
            raise SystemExit(f"{status} {text[:500]}")
        self.project = json.loads(text)["id"]
        status, text, _ = self.admin.call("POST", f"/api/projects/{self.project}/import", json.dumps([{"text": TEXT.format(i)} for i in range(tasks)]))
        if status >= 300:
            raise SystemExit(f"{status} {text[:500]}")

    def next(self, client):
        status, text, _ = client.call("GET", f"/api/projects/{self.project}/next")
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"{status} {text[:200]}")
        return json.loads(text)["id"]

    def annotator(self, number):
        client = Client(self.port, {"Authorization": f"Token {number:040x}"})
        return client, self.next(client)

    def pair(self, client, item, label):
        body = json.dumps({"result": [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": [label]}}], "lead_time": 1})
        status, text, _ = client.call("POST", f"/api/tasks/{item}/annotations/", body)
        if status != 201:
            raise RuntimeError(f"{status} {text[:200]}")
        return time.monotonic(), self.next(client)


def tree_memory(pid):
    """Resident MiB of a process and its children."""
    total, wanted = 0, [pid]
    while wanted:
        one = wanted.pop()
        try:
            status = pathlib.Path(f"/proc/{one}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
            wanted += [int(child) for child in pathlib.Path(f"/proc/{one}/task/{one}/children").read_text().split()]
        except (OSError, TypeError):
            pass
    return total


def measure(peer, annotators, seconds, first):
    times, saves, faults, items, lock = [], [], [], [], threading.Lock()
    ready, go = threading.Barrier(annotators + 1), threading.Event()
    stop = [0.0]

    def work(number):
        try:
            client, item = peer.annotator(number)
        except Exception as error:
            client = item = None
            faults.append(repr(error))
        ready.wait()
        go.wait()
        while item and time.monotonic() < stop[0]:
            began = time.monotonic()
            try:
                stored, following = peer.pair(client, item, "abc"[number % 3])
            except Exception as error:
                faults.append(repr(error)[:200])
                if len(faults) > 500:
                    return
                continue
            with lock:
                times.append(time.monotonic() - began)
                saves.append(stored - began)
                items.append((number, item))
            item = following

    threads = [threading.Thread(target=work, args=(first + i,), daemon=True) for i in range(annotators)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.monotonic()
    stop[0] = began + seconds
    go.set()
    for thread in threads:
        thread.join(seconds + 150)
    took = time.monotonic() - began
    times.sort()
    saves.sort()
    at = lambda list_, share: round(1000 * list_[min(len(list_) - 1, int(len(list_) * share))], 1) if list_ else "-"
    if faults:
        print("  a fault:", faults[0])
    return {"program": peer.name, "annotators": annotators, "pairs/s": round(len(times) / took, 1), "save p50": at(saves, .5), "save p99": at(saves, .99), "pair p50": at(times, .5),
            "pair p99": at(times, .99), "faults": len(faults), "same pair twice": len(items) - len(set(items)), "MiB": round(tree_memory(peer.process.pid)), "load avg": round(os.getloadavg()[0], 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["potato", "label-studio"])
    parser.add_argument("venv")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--annotators", default="1,10,100")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    counts = list(map(int, options.annotators.split(",")))
    folder = tempfile.mkdtemp(prefix="peer-load-")
    peer = None
    try:
        peer = {"potato": Potato, "label-studio": LabelStudio}[options.what](os.path.abspath(options.venv), folder, options.tasks, sum(counts))
        print(f"{options.what}: {options.tasks} tasks, answers after {peer.started:.1f} s")
        first, rows = 0, []
        for count in counts:
            rows.append(measure(peer, count, options.seconds, first))
            first += count
            print("| " + " | ".join(map(str, rows[-1].values())) + " |", flush=True)
        print("| " + " | ".join(rows[0]) + " |")
    finally:
        if peer:
            peer.process.terminate()
            try:
                peer.process.wait(20)
            except subprocess.TimeoutExpired:
                peer.process.kill()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
