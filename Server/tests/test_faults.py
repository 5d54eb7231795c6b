"""Kills, full disks, restarts, backups: what was acknowledged is there."""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

KILLS = int(os.environ.get("CAFE_KILLS", "12"))


class Crowd:
    """Threads that ask and answer until they are stopped, and remember what was acknowledged."""

    def __init__(self, server, study, tokens):
        self.server, self.study, self.tokens = server, study, tokens
        self.acknowledged, self.asked, self.ended = {}, {}, threading.Event()
        self.faults, self.refused, self.lock = [], 0, threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(name,), daemon=True) for name in tokens]

    def work(self, name):
        chance, pending = random.Random(name), None
        while not self.ended.is_set():
            try:
                if pending is None:
                    reply = self.server.post(f"/v1/studies/{self.study}/next", token=self.tokens[name])
                    if reply.status != 200:
                        self.note(reply)
                        continue
                    if "done" in reply.json:
                        if reply.json["done"]["code"] not in ("wait", "paused"):
                            return
                        time.sleep(0.05)
                        continue
                    question = reply.json["question"]
                    pending = (question["id"], question["task"], chance.choice(question["classes"]))
                    with self.lock:
                        self.asked.setdefault((name, pending[1]), set()).add(pending[0])
                reply = self.server.post(f"/v1/studies/{self.study}/answers", {"question": pending[0], "label": pending[2]}, self.tokens[name])
                if reply.status == 200:
                    with self.lock:
                        self.acknowledged[name, pending[1]] = pending[2]
                    pending = None
                else:
                    self.note(reply)
                    if reply.status < 500:
                        pending = None
            except OSError:
                time.sleep(0.01)
            except Exception as error:  # half a response when the server is killed
                if "Incomplete" not in type(error).__name__ and "RemoteDisconnected" not in type(error).__name__ and "BadStatus" not in type(error).__name__:
                    self.faults.append(repr(error))
                    return
                time.sleep(0.01)

    def note(self, reply):
        if reply.status == 503:
            self.refused += 1
        else:
            self.faults.append((reply.status, reply.text))
        time.sleep(0.02)

    def check(self, budget):
        rows = self.server.answers(self.study)
        found = {(row["worker"], row["task"]): row["label"] for row in rows}
        lost = [pair for pair, label in self.acknowledged.items() if found.get(pair) != label]
        twice = [pair for pair, questions in self.asked.items() if len(questions) > 1]
        assert not lost, f"{len(lost)} acknowledged answers are lost: {lost[:3]}"
        assert len(found) == len(rows), "a pair has two answers"
        assert not twice, f"{len(twice)} pairs were asked twice: {twice[:3]}"
        state = self.server.state(self.study)
        assert state["spent"] == len(rows) and state["spent"] + state["set_aside"] <= budget + 1e-9, state
        assert not self.faults, self.faults[:3]
        return len(rows)


@pytest.mark.parametrize("method", ["pooled", "bbta"])
def test_kill_under_load(make_server, method):
    server = make_server().start()
    budget = 3000
    made = server.study(400, budget=budget, method=method)
    crowd = Crowd(server, made["id"], {f"w{i}": server.worker(made["id"], f"w{i}")["token"] for i in range(8)})
    for thread in crowd.threads:
        thread.start()
    chance, answered = random.Random(7), 0
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.02, 0.4))
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.start()
    time.sleep(0.3)
    crowd.ended.set()
    for thread in crowd.threads:
        thread.join(20)
    answered = crowd.check(budget)
    assert answered > 8, "the load was too small to say anything"
    print(f"{KILLS} kills, {answered} answers, {len(crowd.acknowledged)} acknowledged")


def test_graceful_stop_and_restart(make_server):
    server = make_server().start()
    made = server.study(50, budget=60, instructions="Read.")
    crowd = Crowd(server, made["id"], {name: server.worker(made["id"], name)["token"] for name in ("ann", "bob")})
    for thread in crowd.threads:
        thread.start()
    time.sleep(0.5)
    began = time.time()
    assert server.stop() == 0
    assert time.time() - began < 10
    server.start()
    crowd.ended.set()
    for thread in crowd.threads:
        thread.join(20)
    crowd.check(60)
    assert server.get(f"/v1/studies/{made['id']}", made["token"]).status == 200, "the requester's token is gone"


def test_the_log_stays_short(make_server):
    """While writes come without a pause the WAL begins anew; it does not grow with what is written."""
    server = make_server().start()
    made = server.study(2000, budget=6000)
    crowd = Crowd(server, made["id"], {f"w{i}": server.worker(made["id"], f"w{i}")["token"] for i in range(8)})
    log, longest = server.folder / "data" / "cafe.sqlite-wal", 0
    for thread in crowd.threads:
        thread.start()
    while any(thread.is_alive() for thread in crowd.threads):
        longest = max(longest, log.stat().st_size if log.exists() else 0)
        time.sleep(0.05)
    assert crowd.check(6000) == 6000
    assert 0 < longest < 24 << 20, f"the WAL came to {longest} bytes"


def test_a_large_study_gets_its_snapshot_by_itself(make_server):
    """Without a stop; and a start after a kill goes on from it."""
    server = make_server().start()
    made = server.study(20_000, budget=100)
    token = server.worker(made["id"], "ann")["token"]
    question = server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"]
    snapshots, deadline = server.folder / "data" / "snapshots", time.monotonic() + 60
    while not list(snapshots.glob("study-[0-9]")):
        assert time.monotonic() < deadline, "no snapshot of 20,000 events"
        time.sleep(0.05)
    head = list(snapshots.glob("study-[0-9]"))[0].read_bytes().split(b"\n")[0].split()
    assert head[:2] == [b"cafe-snapshot", b"1"] and int(head[2]) > 20_000
    assert server.post(f"/v1/studies/{made['id']}/answers", {"question": question, "label": "cat"}, token).json["recorded"]
    server.kill()
    server.start()
    assert len(server.answers(made["id"])) == 1
    assert server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"] != question


def test_what_an_inference_found_is_kept(make_server):
    """Before it takes effect: a start after a kill takes it, finds the same without it, and a snapshot replaces it."""
    server = make_server().start()
    snapshots = server.folder / "data" / "snapshots"
    (snapshots / "study-1").mkdir(parents=True)  # so that no snapshot can be kept
    made = server.study(20_000, budget=20_000)
    crowd = Crowd(server, made["id"], {f"w{i}": server.worker(made["id"], f"w{i}")["token"] for i in range(8)})
    for thread in crowd.threads:
        thread.start()
    deadline = time.monotonic() + 120

    def kept_now():
        names = (re.fullmatch(r"study-1\.refit-(\d+)", path.name) for path in snapshots.iterdir())
        return sorted(int(name[1]) for name in names if name)

    while max(kept_now(), default=0) < 6:
        assert time.monotonic() < deadline, f"not kept of six inferences: {list(snapshots.iterdir())}"
        assert len(kept_now()) <= 5, "what inferences found fills the disk"
        time.sleep(0.02)
    last = kept_now()
    assert len(last) >= 4 and last == list(range(last[0], last[0] + len(last))), last
    time.sleep(0.3)
    server.kill()
    crowd.ended.set()
    for thread in crowd.threads:
        thread.join(20)
    refused = (server.folder / "log.jsonl").read_text().count("a snapshot was not kept")
    assert 1 <= refused <= 1 + (120 - (deadline - time.monotonic())) / 9, f"tried {refused} times"
    kept = {path: path.read_bytes() for path in snapshots.glob("study-1.refit-*")}
    found = []
    for harm in ("none", "changed", "gone"):
        for path, content in kept.items():
            path.write_bytes(content if harm == "none" else content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
            if harm == "gone":
                path.unlink()
        server.start()
        labels = server.get(f"/v1/studies/{made['id']}/labels?format=csv", server.admin)
        assert labels.status == 200
        found.append(labels.text)
        crowd.check(20_000)
        if harm != "gone":
            server.kill()
    assert found[0] == found[1] == found[2] and "cat" in found[0]
    server.kill()
    for path, content in kept.items():
        path.write_bytes(content)
    (snapshots / "study-1").rmdir()
    server.start()
    deadline = time.monotonic() + 30
    while not (snapshots / "study-1").exists() or list(snapshots.glob("study-1.refit-*")):
        assert time.monotonic() < deadline, f"the snapshot does not replace them: {list(snapshots.iterdir())}"
        time.sleep(0.05)


@pytest.mark.parametrize("harm", ["cut", "changed", "gone", "of another study"])
def test_snapshots_are_only_a_shortcut(make_server, harm):
    server = make_server().start()
    made, other = server.study(30, budget=40), server.study(5, budget=40)
    crowd = Crowd(server, made["id"], {name: server.worker(made["id"], name)["token"] for name in ("ann", "bob")})
    for thread in crowd.threads:
        thread.start()
    for thread in crowd.threads:
        thread.join(60)
    before = server.answers(made["id"]), server.state(made["id"])["spent"]
    assert server.stop() == 0
    snapshots = server.folder / "data" / "snapshots"
    kept = sorted(path for path in snapshots.iterdir())
    assert kept and not [path for path in kept if ".partial" in path.name]
    for path in kept:
        data = path.read_bytes()
        if harm == "cut":
            path.write_bytes(data[:len(data) // 2])
        elif harm == "changed":
            path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        elif harm == "gone":
            path.unlink()
        else:
            path.write_bytes(kept[0].read_bytes() if path != kept[0] else kept[-1].read_bytes())
    server.start()
    assert (server.answers(made["id"]), server.state(made["id"])["spent"]) == before
    assert server.state(other["id"])["spent"] == 0
    crowd.check(40)


def test_clock_set_back(make_server):
    """A lease of an hour ago is no reason for anything; leases and answers go on when the clock jumps."""
    library = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed (apt-get install libfaketime)")
    server = make_server()
    server.start()
    made = server.study(10, budget=10)
    token = server.worker(made["id"], "ann")["token"]
    first = server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"]
    assert server.post(f"/v1/studies/{made['id']}/answers", {"question": first, "label": "cat"}, token).json["recorded"]
    second = server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"]
    server.stop()
    late = server.folder / "two-hours-ago"
    late.write_text(f'#!/bin/sh\nLD_PRELOAD={library} FAKETIME=-2h FAKETIME_DONT_FAKE_MONOTONIC=1 exec env {server.binary} "$@"\n')
    late.chmod(0o755)
    server.binary = str(late)
    server.start()
    assert server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"] == second
    assert server.post(f"/v1/studies/{made['id']}/answers", {"question": second, "label": "cat"}, token).json["recorded"]
    assert "question" in server.post(f"/v1/studies/{made['id']}/next", token=token).json
    assert len(server.answers(made["id"])) == 2


@contextlib.contextmanager
def server_on_a_small_disk(binary, folder, size):
    """A server whose files lie on a file system of its own."""
    from conftest import Server
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    server = Server(binary, folder, "--rate-limit", "0")
    try:
        yield server, folder
    finally:
        if server.process and server.alive():
            server.kill()
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def fill(folder):
    """A file that takes what is left of its file system; deleting it makes room again."""
    free, ballast = os.statvfs(folder), folder / "ballast"
    with open(ballast, "wb") as file:
        try:
            file.write(b"\0" * (free.f_bavail * free.f_frsize))
            file.flush()
        except OSError:
            pass
    return ballast


def test_disk_full(binary, tmp_path):
    with server_on_a_small_disk(binary, tmp_path / "small", "6m") as (server, folder):
        server.start()
        made = server.study(30, budget=300)
        tokens = {name: server.worker(made["id"], name)["token"] for name in ("ann", "bob")}
        crowd = Crowd(server, made["id"], tokens)
        ballast = fill(folder)
        refused, statuses = 0, set()
        for number in range(400):
            for name, token in tokens.items():
                assert server.alive(), f"a full disk ended the server: {server.process.returncode}"
                reply = server.post(f"/v1/studies/{made['id']}/next", token=token)
                statuses.add(reply.status)
                if reply.status == 200 and "question" in reply.json:
                    question = reply.json["question"]
                    crowd.asked.setdefault((name, question["task"]), set()).add(question["id"])
                    reply = server.post(f"/v1/studies/{made['id']}/answers", {"question": question["id"], "label": "cat"}, token)
                    statuses.add(reply.status)
                    if reply.status == 200:
                        crowd.acknowledged[name, question["task"]] = "cat"
                if reply.status == 503:
                    refused += 1
                    assert reply.headers["Retry-After"] and "storage" in reply.json["detail"]
            if refused > 20:
                break
        assert refused, f"the disk never became full: {statuses}"
        assert statuses <= {200, 503}, statuses
        assert server.alive()
        ballast.unlink()
        deadline = time.time() + 20
        while server.post(f"/v1/studies/{made['id']}/next", token=tokens["ann"]).status != 200:
            assert time.time() < deadline, "it does not recover when there is room again"
            time.sleep(0.2)
        crowd.check(300)
        server.kill()
        server.start()
        crowd.check(300)


def test_inferences_and_snapshots_go_on_after_a_full_disk(binary, tmp_path):
    """A commit that fails takes back what it began, and the next one begins it again."""
    with server_on_a_small_disk(binary, tmp_path / "small", "96m") as (server, folder):
        server.start()
        made = server.study(20_000, budget=40_000)
        crowd = Crowd(server, made["id"], {f"w{i}": server.worker(made["id"], f"w{i}")["token"] for i in range(8)})
        snapshot = folder / "data" / "snapshots" / "study-1"

        def events():
            return int(snapshot.read_bytes()[:100].split()[2]) if snapshot.exists() else 0

        deadline = time.monotonic() + 60
        while not events():
            assert time.monotonic() < deadline, "no snapshot of 20,000 events"
            time.sleep(0.05)
        for thread in crowd.threads:
            thread.start()
        for _ in range(4):  # full and empty again, while inferences are due and under way
            time.sleep(1)
            before, full = crowd.refused, time.monotonic() + 20
            ballast = fill(folder)
            while crowd.refused < before + 20:  # the log has room for a while
                assert time.monotonic() < full, "the disk never became full"
                time.sleep(0.02)
            ballast.unlink()
        crowd.ended.set()
        for thread in crowd.threads:
            thread.join(30)
        answered = len(server.answers(made["id"]))
        more = Crowd(server, made["id"], crowd.tokens)
        more.acknowledged, more.asked = crowd.acknowledged, crowd.asked
        for thread in more.threads:
            thread.start()
        deadline = time.monotonic() + 60
        while events() <= 20_000 + 2 * answered:  # each answer is two events; an inference is due every 1,000 answers
            assert time.monotonic() < deadline, f"no snapshot after the disk was full: {events()} events, {answered} answers"
            time.sleep(0.05)
        more.ended.set()
        for thread in more.threads:
            thread.join(30)
        more.check(40_000)


def test_backup_while_running(make_server, binary, tmp_path):
    server = make_server().start()
    made = server.study(20, budget=40)
    token = server.worker(made["id"], "ann")["token"]

    def label(count):
        for _ in range(count):
            question = server.post(f"/v1/studies/{made['id']}/next", token=token).json["question"]["id"]
            assert server.post(f"/v1/studies/{made['id']}/answers", {"question": question, "label": "cat"}, token).status == 200

    label(7)
    copy = tmp_path / "copy.sqlite"
    done = subprocess.run([binary, "--data", str(server.folder / "data"), "--backup", str(copy)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    label(3)
    assert len(server.answers(made["id"])) == 10
    with sqlite3.connect(copy) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    restored = make_server(folder="two")
    (restored.folder / "data").mkdir()
    shutil.copy(copy, restored.folder / "data" / "cafe.sqlite")
    restored.token_file.write_text(server.admin)
    restored.start()
    assert len(restored.answers(made["id"])) == 7
    again = subprocess.run([binary, "--data", str(server.folder / "data"), "--backup", str(copy)], capture_output=True, text=True)
    assert again.returncode != 0 and copy.exists(), "a file that is there must not be overwritten"


def test_two_servers_on_one_folder(make_server, binary):
    server = make_server().start()
    second = subprocess.run([binary, "--data", str(server.folder / "data"), "--port", "0"], capture_output=True, text=True, timeout=30)
    assert second.returncode != 0 and second.stderr.strip(), second.stdout
    assert server.get("/readyz").status == 200
