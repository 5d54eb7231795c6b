"""The live map in a real browser."""
import pathlib
import random
import subprocess

import pytest
from page import Annotator
from selenium.webdriver.common.by import By
from test_admin import wait


def city(server, name):
    answer = server.post("/v1/cities", {"id": name}, server.admin)
    assert answer.status == 201, answer.text
    return name


def events(server, name, *list_):
    answer = server.post(f"/v1/cities/{name}/events", list(list_), server.admin)
    assert answer.status == 200, answer.text
    return answer.json


def test_live_map(server, browser):
    name = city(server, "map")
    browser.get(f"{server.base}/cities/{name}?t={server.admin}")
    wait(lambda: browser.execute_script("return document.body.dataset.state") == "live", "no stream")
    events(server, name,
           {"type": "worker", "id": "ana", "xy": [0, 0], "skills": ["plumber"], "time": 600},
           {"type": "worker", "id": "bo", "xy": [5, 3], "skills": ["painter"], "time": 600},
           {"type": "task", "id": "tap", "xy": [1, 1], "skill": "plumber", "workload_min": 30, "deadline": 700, "pay": 50, "time": 600},
           {"type": "task", "id": "roof", "xy": [4, 1], "skill": "crane", "workload_min": 30, "deadline": 700, "pay": 90, "time": 600})
    wait(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#map .worker")) == 2 and len(browser.find_elements(By.CSS_SELECTOR, "#map .task")) == 2, "the map is empty")
    wait(lambda: "10:00" in browser.find_element(By.ID, "clock").text, "no clock")
    browser.find_element(By.CSS_SELECTOR, "#map .task.waiting rect").click()
    wait(lambda: browser.find_element(By.ID, "detail-title").text == "Task roof", "nothing is chosen")
    assert "no qualified worker" in browser.find_element(By.ID, "detail").text
    lines = len(browser.find_elements(By.CSS_SELECTOR, "#map .travel"))
    plan = server.get(f"/v1/cities/{name}/plan", server.admin).json
    assert lines == len([worker for worker in plan["state"]["workers"] if worker.get("task")]) == 1
    before = browser.find_element(By.CSS_SELECTOR, "#map .worker.idle").get_attribute("style")
    events(server, name, {"type": "position", "worker": "bo", "xy": [2, 2], "time": 601})
    wait(lambda: browser.find_element(By.CSS_SELECTOR, "#map .worker.idle").get_attribute("style") != before, "it does not move")
    events(server, name, {"type": "cancel", "task": "roof", "time": 602})
    wait(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#map .task")) == 1, "a cancelled task stays")
    assert "not there any more" in browser.find_element(By.ID, "detail").text
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#list li button") if row.is_displayed()]
    assert any("Worker ana: on tap" == row for row in rows), rows


def test_map_survives_a_restart(make_server, browser):
    server = make_server().start()
    name = city(server, "again")
    events(server, name, {"type": "worker", "id": "ana", "xy": [0, 0], "time": 10})
    browser.get(f"{server.base}/cities/{name}?t={server.admin}")
    wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#map .worker"), "no worker")
    server.kill()
    wait(lambda: browser.execute_script("return document.body.dataset.state") == "lost", "it does not say that it is lost")
    server.start()
    events(server, name, {"type": "worker", "id": "bo", "xy": [1, 0], "time": 11})
    wait(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#map .worker")) == 2, "it does not follow again", 30)


def test_demo(make_server, browser):
    server = make_server("--demo").start()
    wait(lambda: any(line.startswith("city link: ") for line in server.lines), "no link is printed", 30)
    links = {line.split(": ", 1)[0]: line.split(": ", 1)[1] for line in server.lines if "link: " in line}
    assert "study link" in links, server.lines
    browser.get(links["city link"])
    wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#map .worker"), "the demo city is empty", 20)
    first = browser.execute_script("return document.body.dataset.version")
    wait(lambda: browser.execute_script("return document.body.dataset.version") != first, "the demo city stands still", 30)
    page = Annotator(browser, links["study link"])
    page.begin()
    assert page.key("1") in ("question", "done")


def test_it_learns_from_its_own_history(server, binary, tmp_path):
    """A day of events over HTTP; its log is shown again, fitted to and trained on by the command line."""
    chance = random.Random(3)
    made = server.post("/v1/cities", {"id": "history", "scenario": "chengdu", "policy": "coalition", "step_seconds": 60}, server.admin)
    assert made.status == 201, made.text
    wrong = server.post("/v1/cities", {"id": "other", "scenario": "chengdo"}, server.admin)
    assert wrong.status == 400 and "chengdu" in wrong.json["detail"] and wrong.json["path"] == "scenario"
    events(server, "history", *[{"type": "worker", "id": f"w{k}", "xy": [chance.uniform(0, 10), chance.uniform(0, 10)], "skills": [f"s{k % 2}"], "time": 480}
                                for k in range(12)])
    for number in range(240):
        events(server, "history", {"type": "task", "id": f"t{number}", "xy": [chance.uniform(0, 10), chance.uniform(0, 10)], "skill": f"s{number % 2}",
                                   "workload_min": chance.uniform(10, 30), "time": 480 + number / 2})
    plan = server.get("/v1/cities/history/plan", server.admin).json
    assert plan["state"]["done"] > 20, plan["state"]
    ended = next(f"t{k}" for k in range(240) if not any(task["id"] == f"t{k}" for task in plan["state"]["tasks"]))
    for kind in ("done", "cancel"):  # word of what its own clock has ended
        events(server, "history", {"type": kind, "task": ended, "time": 600})
    again = server.get("/v1/cities/history/plan", server.admin).json["state"]
    assert again["done"] + again["cancelled"] + again["lapsed"] + len(again["tasks"]) == 240, again
    log = tmp_path / "city.log"
    log.write_text(server.get("/v1/cities/history/log", server.admin).text)
    cli = pathlib.Path(binary).parent / "cafe-cli"
    if not cli.exists():
        pytest.skip("cafe-cli is not built beside cafe-server")

    def run(*words):
        done = subprocess.run([cli, *map(str, words)], capture_output=True, text=True, timeout=600, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run("replay", "--log", log, "--out", tmp_path / "day.html")
    run("fit", "--orders", log, "--tasks", 20, "--workers", 8, "--generations", 1, "--episodes", 4, "--out", tmp_path / "fit")
    assert (tmp_path / "fit" / "policy.yaml").exists()
    run("train", "--orders", log, "--iterations", 1, "--set", "episodes.tasks=[20]", "--set", "episodes.workers=[8]", "--set", "ppo.numEnvs=2", "--out", tmp_path / "run")
