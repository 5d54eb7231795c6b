"""The API over HTTP: promises, errors, tokens, formats."""
import concurrent.futures
import csv
import io
import json
import socket
import subprocess
import time

import pytest


def ask(server, study, token):
    answer = server.post(f"/v1/studies/{study}/next", token=token)
    assert answer.status == 200, answer.text
    return answer.json


def answer(server, study, token, **body):
    return server.post(f"/v1/studies/{study}/answers", body, token)


def problem(reply, status, word=None, path=None):
    assert reply.status == status, (reply.status, reply.text)
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    document = reply.json
    assert document["status"] == status and document["title"] and len(document["detail"]) > 10 and document["code"]
    if word:
        assert word in document["detail"] or word == document["code"], document
    if path is not None:
        assert document["path"] == path, document
    return document


def test_answer_is_idempotent_and_first_stands(server):
    made = server.study(3)
    token = server.worker(made["id"], "ann")["token"]
    question = ask(server, made["id"], token)["question"]
    assert ask(server, made["id"], token)["question"]["id"] == question["id"], "the same question until it is answered"
    assert answer(server, made["id"], token, question=question["id"], label="cat").json == {"recorded": True}
    assert answer(server, made["id"], token, question=question["id"], label="cat").json == {"recorded": False}
    problem(answer(server, made["id"], token, question=question["id"], label="dog"), 409, "answered")
    assert answer(server, made["id"], token, question=question["id"], label="dog", correct=True).json == {"recorded": True}
    assert [(row["task"], row["label"]) for row in server.answers(made["id"])] == [(question["task"], "dog")]
    assert server.state(made["id"])["spent"] == 1


def test_decline(server):
    made = server.study(2)
    token = server.worker(made["id"], "ann")["token"]
    first = ask(server, made["id"], token)["question"]
    assert answer(server, made["id"], token, question=first["id"], decline=True).status == 200
    second = ask(server, made["id"], token)["question"]
    assert second["task"] != first["task"]
    problem(answer(server, made["id"], token, question=first["id"], label="cat"), 409, "declined")
    assert server.state(made["id"])["spent"] == 0


def test_foreign_and_unknown_questions(server):
    made = server.study(3)
    ann, bob = (server.worker(made["id"], name)["token"] for name in ("ann", "bob"))
    question = ask(server, made["id"], ann)["question"]["id"]
    problem(answer(server, made["id"], bob, question=question, label="cat"), 404, "unknown-question")
    problem(answer(server, made["id"], ann, question=99999999, label="cat"), 404, "unknown-question")
    problem(answer(server, made["id"], ann, question=question, label="mouse"), 400, "mouse")
    assert server.answers(made["id"]) == []


def test_tokens_open_only_their_own(server):
    one, two = server.study(2), server.study(2)
    ann = server.worker(one["id"], "ann")["token"]
    checks = [
        ("GET", f"/v1/studies/{one['id']}", None, 401), ("GET", f"/v1/studies/{one['id']}", "guess", 401),
        ("GET", f"/v1/studies/{one['id']}", ann, 403), ("GET", f"/v1/studies/{two['id']}", one["token"], 403),
        ("GET", f"/v1/studies/{one['id']}", one["token"], 200), ("GET", "/v1/studies", one["token"], 403),
        ("GET", "/v1/studies", ann, 403), ("POST", f"/v1/studies/{two['id']}/next", ann, 403),
        ("POST", f"/v1/studies/{one['id']}/next", server.admin, 403), ("POST", f"/v1/studies/{one['id']}/close", ann, 403),
        ("GET", f"/v1/studies/{one['id']}/labels", ann, 403), ("GET", "/v1/cities", one["token"], 403),
        ("POST", f"/v1/studies/{one['id']}/next", None, 401),
    ]
    for method, path, token, status in checks:
        reply = server.request(method, path, token=token)
        assert reply.status == status, (method, path, status, reply.text)
        if status != 200:
            problem(reply, status)


def test_tokens_are_not_in_the_file(server):
    made = server.study(2)
    ann = server.worker(made["id"], "ann")["token"]
    files = list((server.folder / "data").iterdir())
    everything = b"".join(path.read_bytes() for path in files)
    assert b"ann" in everything, "the file that was read is not the server's"
    for token in (server.admin, made["token"], ann):
        assert token.encode() not in everything


def test_cross_site_cookie_calls_are_refused(server):
    made = server.study(2, join="open")
    page = server.get(f"/s/{made['id']}")
    cookie = page.headers["Set-Cookie"].split(";")[0]
    assert "HttpOnly" in page.headers["Set-Cookie"] and "SameSite=Lax" in page.headers["Set-Cookie"]
    path = f"/v1/studies/{made['id']}/next"
    problem(server.post(path, headers={"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}), 403)
    assert server.post(path, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}).status == 200
    assert "Access-Control-Allow-Origin" not in server.get("/healthz", headers={"Origin": "https://evil.example"}).headers


@pytest.mark.parametrize("change, path, word", [
    ({"classes": ["one"]}, "classes", "two"), ({"classes": ["a", "a"]}, "classes[1]", "twice"),
    ({"budget": -1}, "budget", ""), ({"budget": "much"}, "budget", ""), ({"budgt": 3}, "budgt", "budget"),
    ({"method": "poold"}, "method", "pooled"), ({"stop_at": 0.4}, "stop_at", ""), ({"stop_at": 1.5}, "stop_at", ""),
    ({"tasks": [{"id": "a"}, {"id": "a"}]}, "tasks[1]", "twice"), ({"tasks": [{"id": 3}]}, "tasks[0].id", ""),
    ({"tasks": [{"id": "a", "txt": "x"}]}, "tasks[0].txt", "text"), ({"gold": {"nothing": "cat"}}, "gold.nothing", "no such task"),
    ({"lease_seconds": 0}, "lease_seconds", ""), ({"join": "all"}, "join", "open"), ({"completion_url": "javascript:x"}, "completion_url", ""),
    ({"cost": -2}, "cost", ""), ({"id": "../etc"}, "id", ""),
])
def test_wrong_studies_are_refused_with_the_place(server, change, path, word):
    body = {"name": "X", "classes": ["cat", "dog"], "tasks": [{"id": "t"}], "budget": 3, **change}
    before = len(server.get("/v1/studies", server.admin).json["studies"])
    problem(server.post("/v1/studies", body, server.admin), 400, word or None, path)
    assert len(server.get("/v1/studies", server.admin).json["studies"]) == before


def test_malformed_bodies(server):
    for body in (b"", b"{", b"[]", b"null", b'{"name": "x"', b"\xff\xfe", b'{"name": 1e999}', b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"\\u0000" * 10 + b'"'):
        problem(server.post("/v1/studies", body, server.admin), 400)
    problem(server.post("/v1/studies", b"a,b", server.admin, kind="text/csv"), 415)
    problem(server.request("PUT", "/v1/studies", token=server.admin), 405)
    problem(server.get("/v1/nothing", server.admin), 404)
    problem(server.get("/v1/studies/none", server.admin), 404)
    problem(server.get("/v1/studies?limt=3", server.admin), 400)
    made = server.study(2)
    token = server.worker(made["id"], "ann")["token"]
    problem(server.post(f"/v1/studies/{made['id']}/answers", b'{"question":1,"label":"' + b"x" * 200_000 + b'"}', token), 413)


def test_ten_thousand_malformed_requests(server):
    """Bytes that are no HTTP, half requests, and lies about lengths: no crash, and ordinary calls go on."""
    pieces = [b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x00\xa5", b"POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
              b"POST /v1/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
              b"GET /%00%ff/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /assets/../openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n",
              b"POST /v1/studies HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n",
              b"GET /s/%F0%9F%92%A9 HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n\r\n", b"POST /v1/studies/x/next HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n"]
    made = server.study(3)
    token = server.worker(made["id"], "ann")["token"]
    for number in range(10_000):
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as made_socket:
                made_socket.sendall(pieces[number % len(pieces)])
                if number % 50 < len(pieces):
                    made_socket.settimeout(0.2)
                    data = made_socket.recv(4096)
                    assert not data.startswith(b"HTTP/1.1 500"), (pieces[number % len(pieces)][:60], data[:80])
                    assert b"root:" not in data
        except (TimeoutError, ConnectionError, socket.timeout):
            pass
        if number % 2500 == 0:
            assert ask(server, made["id"], token)["question"]
    assert server.alive() and server.get("/readyz").status == 200


def test_simultaneous_calls_never_exceed_the_budget(server):
    made = server.study(40, budget=101)
    tokens = {name: server.worker(made["id"], name)["token"] for name in (f"w{i}" for i in range(12))}
    seen = []

    def work(name):
        token, count = tokens[name], 0
        while True:
            reply = ask(server, made["id"], token)
            if "done" in reply:
                if reply["done"]["code"] == "wait" and count < 200:
                    count += 1
                    time.sleep(0.02)
                    continue
                return
            seen.append((name, reply["question"]["task"], reply["question"]["id"]))
            assert answer(server, made["id"], token, question=reply["question"]["id"], label="cat").status == 200

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(work, tokens))
    rows = server.answers(made["id"])
    pairs = {(row["worker"], row["task"]) for row in rows}
    assert len(rows) == len(pairs) == 101
    assert len({(name, task) for name, task, _ in seen}) == len(seen) == 101, "a pair was asked twice"
    assert server.state(made["id"])["spent"] == 101


def test_one_worker_in_many_calls_gets_one_question(server):
    made = server.study(20, budget=20)
    token = server.worker(made["id"], "ann")["token"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        questions = {reply["question"]["id"] for reply in pool.map(lambda _: ask(server, made["id"], token), range(64))}
    assert len(questions) == 1
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: answer(server, made["id"], token, question=next(iter(questions)), label=("cat", "dog")[n % 2]), range(32)))
    assert sum(reply.status == 200 and reply.json["recorded"] for reply in replies) == 1
    assert {reply.status for reply in replies} == {200, 409}
    assert server.state(made["id"])["spent"] == 1


CSV = 'task,context,text,stars\na,news,"One, two",5\nb,blog,"He said ""no""",4\n'
FORMATS = [
    ("text/csv", CSV, ""), ("application/x-ndjson", '{"id": "a", "text": "One"}\n{"id": "b", "fields": {"x": 1}}\n', ""),
    ("application/jsonl", '{"id": "a", "context": "c"}\n\n{"id": "b", "image": "https://example.org/i.png"}', ""),
    ("application/json", '{"tasks": [{"id": "a"}, {"id": "b"}]}', ""),
    ("application/json", '[{"id": 7, "data": {"text": "One"}}, {"id": 8, "data": {"image": "https://example.org/i.png"}}]', ""),
    ("application/x-ndjson", '{"id": 1, "text": "One", "label": ["x"]}\n{"id": 2, "text": "Two"}\n', "?format=doccano"),
]


@pytest.mark.parametrize("kind, body, query", FORMATS)
def test_imports(server, kind, body, query):
    made = server.study(1)
    path = f"/v1/studies/{made['id']}/tasks"
    reply = server.post(path + query, body, server.admin, kind=kind)
    assert reply.status == 200 and reply.json == {"added": 2, "known": 0}, reply.text
    assert server.post(path + query, body, server.admin, kind=kind).json == {"added": 0, "known": 2}
    assert server.state(made["id"])["tasks"] == 3
    listed = server.get(path, server.admin).json["tasks"]
    assert len(listed) == 3
    if kind == "text/csv":
        assert listed[1]["text"] == "One, two" and listed[2]["text"] == 'He said "no"' and str(listed[1]["fields"]["stars"]) == "5"


def test_imports_are_all_or_nothing(server):
    made = server.study([{"id": "a", "text": "first"}])
    path = f"/v1/studies/{made['id']}/tasks"
    problem(server.post(path, 'task,text\nz,new\na,other\n', server.admin, kind="text/csv"), 409, "a")
    problem(server.post(path, 'text\nnew\n', server.admin, kind="text/csv"), 400)
    problem(server.post(path, '{"id": "y"}\n{"id": \n', server.admin, kind="application/x-ndjson"), 400, "2")
    problem(server.post(path, b"\x00\x01", server.admin, kind="application/octet-stream"), 415)
    assert server.state(made["id"])["tasks"] == 1


def labelled(server):
    made = server.study(4, ("cat", "dog"), gold={"t0": "cat"})
    for name, label in (("ann", "cat"), ("bob", "cat"), ("=cyd", "dog")):
        token = server.worker(made["id"], name)["token"]
        for _ in range(3):
            reply = ask(server, made["id"], token)
            if "question" in reply:
                answer(server, made["id"], token, question=reply["question"]["id"], label=label)
    return made["id"]


def test_exports(server):
    study = labelled(server)
    rows = server.answers(study)
    table = server.get(f"/v1/studies/{study}/answers?format=csv", server.admin)
    assert table.headers["Content-Type"].startswith("text/csv") and "attachment" in table.headers["Content-Disposition"]
    read = list(csv.DictReader(io.StringIO(table.text)))
    assert list(read[0])[:3] == ["task", "worker", "label"]
    assert [(row["task"], row["worker"], row["label"]) for row in read] == [(row["task"], row["worker"], row["label"]) for row in rows]
    lines = [json.loads(line) for line in server.get(f"/v1/studies/{study}/answers?format=jsonl", server.admin).text.splitlines()]
    assert lines == rows
    labels = server.get(f"/v1/studies/{study}/labels?format=json", server.admin).json["labels"]
    assert [row["task"] for row in labels] == ["t0", "t1", "t2", "t3"]
    assert labels[0]["label"] == "cat" and labels[0]["gold"] is True
    assert sum(row["labels"] for row in labels) == len(rows)
    assert all(row["confidence"] is None or 0 <= row["confidence"] <= 1 for row in labels)
    read = list(csv.DictReader(io.StringIO(server.get(f"/v1/studies/{study}/labels?format=csv", server.admin).text)))
    assert list(read[0])[:4] == ["task", "label", "confidence", "labels"]
    studio = server.get(f"/v1/studies/{study}/labels?format=labelstudio", server.admin).json
    assert len(studio) == 4 and all("data" in task for task in studio)
    for method in ("mv", "ds", "glad", "one-coin"):
        assert server.get(f"/v1/studies/{study}/labels?method={method}", server.admin).status == 200, method
    problem(server.get(f"/v1/studies/{study}/labels?method=majorty", server.admin), 400)
    problem(server.get(f"/v1/studies/{study}/labels?format=xml", server.admin), 400)


def test_events_are_chained_and_paged(server):
    study = labelled(server)
    everything, after = [], 0
    while after is not None:
        page = server.get(f"/v1/studies/{study}/events?after={after}&limit=3", server.admin).json
        assert len(page["events"]) <= 3
        everything += page["events"]
        after = page["next"]
    assert [event["number"] for event in everything] == sorted({event["number"] for event in everything})
    assert len(everything) >= 1 + len(server.answers(study)) and len({event["checksum"] for event in everything}) == len(everything)


def test_pause_resume_close_budget(server):
    made = server.study(6, budget=4)
    path, token = f"/v1/studies/{made['id']}", server.worker(made["id"], "ann")["token"]
    for _ in range(2):
        assert server.post(path + "/pause", token=server.admin).json == {"state": "paused"}
    assert ask(server, made["id"], token)["done"]["code"] == "paused"
    server.post(path + "/resume", token=server.admin)
    question = ask(server, made["id"], token)["question"]["id"]
    assert answer(server, made["id"], token, question=question, label="cat").json["recorded"]
    problem(server.post(path + "/budget", {"budget": 0.5}, server.admin), 409)
    assert server.post(path + "/budget", {"budget": 2}, server.admin).json == {"budget": 2}
    question = ask(server, made["id"], token)["question"]["id"]
    answer(server, made["id"], token, question=question, label="cat")
    assert ask(server, made["id"], token)["done"]["code"] == "budget-spent"
    assert server.post(path + "/close", token=server.admin).json == {"state": "closed"}
    assert ask(server, made["id"], token)["done"]["code"] == "closed"
    problem(server.post(path + "/resume", token=server.admin), 409)


def test_a_closed_study_takes_no_answer(server):
    made = server.study(3)
    token = server.worker(made["id"], "ann")["token"]
    first = ask(server, made["id"], token)["question"]["id"]
    answer(server, made["id"], token, question=first, label="cat")
    second = ask(server, made["id"], token)["question"]["id"]
    server.post(f"/v1/studies/{made['id']}/close", token=server.admin)
    problem(answer(server, made["id"], token, question=second, label="cat"), 409, "closed")
    assert answer(server, made["id"], token, question=first, label="cat").json == {"recorded": False}, "what was recorded may be said again"
    assert len(server.answers(made["id"])) == 1


def test_barred_worker(server):
    made = server.study(3)
    token = server.worker(made["id"], "ann")["token"]
    path = f"/v1/studies/{made['id']}/workers/ann"
    assert server.post(path + "/bar", token=server.admin).json == {"barred": True}
    assert ask(server, made["id"], token)["done"]["code"] == "barred"
    assert server.post(path + "/unbar", token=server.admin).json == {"barred": False}
    assert "question" in ask(server, made["id"], token)
    problem(server.post(f"/v1/studies/{made['id']}/workers/nobody/bar", token=server.admin), 404)


def test_families_of_workers(server):
    made = server.study(3)
    path = f"/v1/studies/{made['id']}/workers"
    for name, family in [("ann", None), ("gpt-a", "llm"), ("gpt-b", "llm"), ("other", "lone")]:
        body = {"id": name} | ({} if family is None else {"family": family})
        assert server.post(path, body, server.admin).status == 201
    shown = {worker["id"]: worker["family"] for worker in server.state(made["id"])["workers"]}
    assert shown == {"ann": None, "gpt-a": "llm", "gpt-b": "llm", "other": "lone"}
    tokens = {name: server.post(f"{path}/{name}/link", token=server.admin).json["token"] for name in shown}
    first = ask(server, made["id"], tokens["gpt-a"])["question"]
    answer(server, made["id"], tokens["gpt-a"], question=first["id"], label="cat")
    # What one of a family has answered is the last that another of it is asked.
    second = ask(server, made["id"], tokens["gpt-b"])["question"]
    assert second["task"] != first["task"]
    problem(server.post(path, {"id": "x", "family": ""}, server.admin), 400)
    # Names are told apart by their bytes: these two look the same.
    for name, family in [("caf\u00e9", "one"), ("cafe\u0301", "two")]:
        assert server.post(path, {"id": name, "family": family}, server.admin).status == 201
    shown = {worker["id"]: worker["family"] for worker in server.state(made["id"])["workers"]}
    assert shown["caf\u00e9"] == "one" and shown["cafe\u0301"] == "two"
    bandit = server.study(3, method="bbta")
    problem(server.post(f"/v1/studies/{bandit['id']}/workers", {"id": "x", "family": "llm"}, server.admin), 400)
    assert server.state(bandit["id"])["workers"] == []


def test_rate_limit(make_server):
    server = make_server("--rate-limit", "20").start()
    replies = [server.get("/v1/studies", server.admin) for _ in range(80)]
    late = [reply for reply in replies if reply.status == 429]
    assert late and replies[0].status == 200
    assert int(late[0].headers["Retry-After"]) >= 1
    problem(late[0], 429)
    guesses = [server.get("/v1/studies", f"guess{number}").status for number in range(60)]
    assert guesses[0] == 401 and 429 in guesses, "tokens can be guessed without end"


def test_dispatch_plan(server):
    moment = {"now": 600, "workers": [{"id": "ana", "xy": [1, 1], "skills": ["plumber"]}],
              "tasks": [{"id": "tap", "xy": [1.5, 1], "skill": "plumber", "workload_min": 20, "deadline": 700, "pay": 30},
                        {"id": "roof", "xy": [1, 2], "skill": "crane", "workload_min": 20, "deadline": 700}]}
    plan = server.post("/v1/dispatch/plan", moment, server.admin)
    assert plan.status == 200, plan.text
    assert [(one["worker"], one["task"]) for one in plan.json["assignments"]] == [("ana", "tap")]
    assert plan.json["unassigned"][0]["reason"] == "NO_QUALIFIED_WORKER"
    moment["tasks"][0]["deadline"] = "07:60"
    problem(server.post("/v1/dispatch/plan", moment, server.admin), 400, path="tasks[0].deadline")


def test_city(server):
    assert server.post("/v1/cities", {"id": "lisbon"}, server.admin).status == 201
    problem(server.post("/v1/cities", {"id": "lisbon"}, server.admin), 409)
    path = "/v1/cities/lisbon"
    events = [{"type": "worker", "id": "ana", "xy": [1, 1], "skills": ["plumber"], "time": 600},
              {"type": "task", "id": "tap", "xy": [2, 1], "skill": "plumber", "workload_min": 20, "deadline": 700, "pay": 30, "time": 600}]
    taken = server.post(path + "/events", events, server.admin)
    assert taken.status == 200 and taken.json["accepted"] == 2
    now = server.get(path + "/plan", server.admin).json
    assert now["version"] == taken.json["version"] and now["state"]["workers"][0]["task"] == "tap"
    bad = [{"type": "worker", "id": "bo", "xy": [0, 0], "time": 601}, {"type": "wrker", "id": "x", "time": 601}]
    problem(server.post(path + "/events", bad, server.admin), 400, "worker", "[1].type")
    assert len(server.get(path + "/plan", server.admin).json["state"]["workers"]) == 1, "half of a batch was taken"
    done = server.post(path + "/events", [{"type": "done", "task": "tap", "time": 610}], server.admin)
    assert done.status == 200, done.text
    assert server.get(path + "/plan", server.admin).json["state"]["tasks"] == []
    log = server.get(path + "/log", server.admin)
    lines = [json.loads(line) for line in log.text.splitlines()]
    assert lines and all({"request", "plan"} <= set(line) for line in lines)


def test_stream(server):
    server.post("/v1/cities", {"id": "flow"}, server.admin)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
        stream.sendall(f"GET /v1/cities/flow/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.admin}\r\n\r\n".encode())
        data = b""
        while data.count(b"event: plan") < 1:
            data += stream.recv(65536)
        assert b"text/event-stream" in data
        server.post("/v1/cities/flow/events", [{"type": "worker", "id": "ana", "xy": [1, 1], "time": 5}], server.admin)
        while data.count(b"event: plan") < 2:
            more = stream.recv(65536)
            assert more, data
            data += more
        assert b'"ana"' in data


def test_health_and_metrics(server):
    assert server.get("/healthz").json == {"status": "ok"} and server.get("/readyz").json == {"status": "ready"}
    made = server.study(2)
    token = server.worker(made["id"], "ann")["token"]

    def counted(name):
        lines = server.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and not line.startswith("#"))

    before = counted("cafe_answers_total")
    question = ask(server, made["id"], token)["question"]["id"]
    answer(server, made["id"], token, question=question, label="cat")
    answer(server, made["id"], token, question=question, label="cat")
    assert counted("cafe_answers_total") == before + 1, "an answer that was known counts once"
    deadline = time.time() + 10  # gauges are set once a second
    while counted("cafe_studies") < 1 or counted("cafe_process_resident_bytes") < 1e6:
        assert time.time() < deadline, server.get("/metrics").text
        time.sleep(0.2)
    reply = server.get("/v1/nothing", server.admin)
    assert reply.headers["X-Request-ID"] == reply.json["request_id"]


def test_trusted_proxies(make_server):
    """Behind a trusted proxy each visitor has a rate of its own; what an untrusted one says counts for nothing."""
    def refused(server, says):
        """Whether one of thirty requests is refused: an address may make one a second, and two at once."""
        replies = [server.get("/admin", headers={"X-Forwarded-For": says(k)}).status for k in range(30)]
        assert set(replies) <= {403, 429}
        return 429 in replies

    trusting = make_server("--rate-limit", "1", "--trust-proxy", "127.0.0.0/8", "--trust-proxy", "10.1.2.3", folder="trusting").start()
    assert not refused(trusting, lambda k: f"203.0.113.{k}")
    assert refused(trusting, lambda k: f"198.51.100.{k}, 203.0.113.200, 10.1.2.3"), "what the asker made up is believed"
    trusting.stop()
    wary = make_server("--rate-limit", "1", folder="wary").start()
    assert refused(wary, lambda k: f"203.0.113.{k}"), "whoever asks is believed"
    done = subprocess.run([wary.binary, "--data", str(wary.folder) + "-3", "--trust-proxy", "10.0.0.0/40"], capture_output=True, text=True)
    assert done.returncode != 0 and "10.0.0.0/40" in done.stderr
