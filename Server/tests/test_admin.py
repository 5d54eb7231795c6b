"""The pages of administrators and requesters in a real browser."""
import csv
import io
import time

import pytest
from page import Annotator
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select


def wait(condition, what, seconds=15):
    deadline = time.time() + seconds
    while time.time() < deadline:
        try:
            value = condition()
        except Exception:  # the page is being drawn again
            value = None
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(what)


def text(browser, identifier):
    return browser.find_element(By.ID, identifier).text


def open_admin(server, browser, path="/admin"):
    browser.get(f"{server.base}{path}?t={server.admin}")
    assert "t=" not in browser.current_url


def test_create_by_upload(server, browser, tmp_path):
    table = tmp_path / "tasks.csv"
    table.write_text('task,context,text,stars\nr1,review,"Good, very good",5\nr2,review,Bad,1\nr3,news,Rain,2\n')
    open_admin(server, browser)
    form = browser.find_element(By.ID, "create")
    form.find_element(By.NAME, "name").send_keys("Reviews")
    form.find_element(By.NAME, "classes").send_keys("up, down")
    form.find_element(By.NAME, "budget").clear()
    form.find_element(By.NAME, "budget").send_keys("6")
    form.find_element(By.NAME, "instructions").send_keys("Up or down?")
    Select(form.find_element(By.NAME, "join")).select_by_value("open")
    form.find_element(By.NAME, "file").send_keys(str(table))
    form.find_element(By.CSS_SELECTOR, "button").click()
    wait(lambda: "Reviews is created with 3 tasks" in text(browser, "made-title"), text(browser, "notice"))
    link = browser.find_elements(By.CSS_SELECTOR, "#made-links .secret")[0].text
    requester = browser.find_elements(By.CSS_SELECTOR, "#made-links .secret")[1].text
    assert wait(lambda: [row for row in browser.find_elements(By.CSS_SELECTOR, "#studies tbody tr") if "Reviews" in row.text], "not listed")
    page = Annotator(browser, link)
    page.begin()
    for _ in range(3):
        page.key("1")
    assert page.state() == "done"
    # The requester's link opens this study without the administrator's cookie.
    browser.delete_all_cookies()
    browser.get(requester)
    wait(lambda: "Reviews" in text(browser, "name") and "3" in text(browser, "tiles"), "the requester sees nothing")
    browser.get(server.base + "/admin")
    assert browser.find_element(By.ID, "text").text, "a requester must not see all studies"


UPLOADS = {
    "studio.json": '[{"id": 7, "data": {"text": "One", "stars": 3}, "annotations": [{"result": []}]}, {"id": 8, "data": {"text": "Two"}}]',
    "doccano.jsonl": '{"id": 7, "text": "One", "label": ["secret"]}\n{"id": 8, "data": "Two"}\n',
    "ours.json": '{"tasks": [{"id": "7", "text": "One"}, {"id": "8", "text": "Two"}]}',
    "table.csv": 'id,text,stars\r\n7,"One",3\r\n8,"Two, ""three""",\r\n',
}


@pytest.mark.parametrize("name", UPLOADS)
def test_files_of_other_programs(server, browser, tmp_path, name):
    (tmp_path / name).write_bytes(UPLOADS[name].encode())
    open_admin(server, browser)
    form = browser.find_element(By.ID, "create")
    form.find_element(By.NAME, "name").send_keys(name)
    form.find_element(By.NAME, "classes").send_keys("up, down")
    form.find_element(By.NAME, "file").send_keys(str(tmp_path / name))
    form.find_element(By.CSS_SELECTOR, "button").click()
    wait(lambda: "2 tasks" in text(browser, "made-title"), text(browser, "notice"))
    study = browser.find_elements(By.CSS_SELECTOR, "#made-links .secret")[0].text.rsplit("/", 1)[1]
    tasks = server.get(f"/v1/studies/{study}/tasks", server.admin).json["tasks"]
    assert [task["id"] for task in tasks] == ["7", "8"] and tasks[0]["text"] == "One" and tasks[1]["text"].startswith("Two")
    assert "secret" not in str(tasks)
    if name == "table.csv":
        assert tasks[1]["text"] == 'Two, "three"' and tasks[0]["fields"] == {"stars": "3"} and "fields" not in tasks[1]


def test_create_says_what_is_wrong(server, browser, tmp_path):
    (tmp_path / "t.csv").write_text("id,text\na,b\n")
    open_admin(server, browser)
    browser.find_element(By.CSS_SELECTOR, "#create [name=file]").send_keys(str(tmp_path / "t.csv"))
    form = browser.find_element(By.ID, "create")
    form.find_element(By.NAME, "name").send_keys("Half")
    form.find_element(By.NAME, "classes").send_keys("only one")
    form.find_element(By.CSS_SELECTOR, "button").click()
    wait(lambda: "classes" in text(browser, "notice"), "no error is shown")
    assert "bad" in browser.find_element(By.ID, "notice").get_attribute("class")


def test_study_page(server, browser):
    made = server.study(6, ("cat", "dog"), budget=20, gold={"t0": "cat"})
    names = ("ann", "bob", "cyd")
    tokens = {name: server.worker(made["id"], name)["token"] for name in names}
    for _ in range(4):
        for name in names:
            asked = server.post(f"/v1/studies/{made['id']}/next", token=tokens[name]).json
            if "question" in asked:
                server.post(f"/v1/studies/{made['id']}/answers", {"question": asked["question"]["id"], "label": "cat" if name != "cyd" else "dog"}, tokens[name])
    open_admin(server, browser, f"/admin/studies/{made['id']}")
    wait(lambda: text(browser, "state") == "open", "no state")
    rows = wait(lambda: [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#workers tbody tr")], "no workers")
    assert [row.split()[0] for row in rows] == list(names)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#history svg path.line")) == 2
    assert browser.find_elements(By.CSS_SELECTOR, "#spread svg rect.bar")
    label = browser.find_elements(By.CSS_SELECTOR, "#workers .interval")[0].get_attribute("aria-label")
    assert "%" in label and " to " in label, label
    browser.find_element(By.ID, "show-all").click()
    wait(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#tasks tbody tr")) == 6, "no tasks")
    browser.find_element(By.ID, "show-least").click()
    wait(lambda: 0 < len(browser.find_elements(By.CSS_SELECTOR, "#tasks tbody tr")) < 6, "gold must not stand among the least certain")
    for link in browser.find_elements(By.CSS_SELECTOR, "#downloads a"):
        answer = browser.execute_async_script(
            "const done = arguments[1]; fetch(arguments[0], {credentials: 'same-origin'}).then(async r => done([r.status, await r.text()]))", link.get_attribute("href"))
        assert answer[0] == 200 and answer[1], link.text
        if "crowd-kit" in link.text:
            assert list(csv.reader(io.StringIO(answer[1])))[0][:3] == ["task", "worker", "label"]
    # budget, invitation, gold, bar, pause, close
    field = browser.find_element(By.CSS_SELECTOR, "#budget input")
    field.clear()
    field.send_keys("33")
    browser.find_element(By.CSS_SELECTOR, "#budget button").click()
    wait(lambda: server.state(made["id"])["budget"] == 33, "the budget is not set")
    browser.find_element(By.CSS_SELECTOR, "#invite input").send_keys("dora")
    browser.find_element(By.CSS_SELECTOR, "#invite input[name=family]").send_keys("students")
    browser.find_element(By.CSS_SELECTOR, "#invite button").click()
    link = wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#links li span"), "no link")[0].text
    assert "?t=" in link
    wait(lambda: [chip.text for chip in browser.find_elements(By.CSS_SELECTOR, "#workers .chip")] == ["students"], "no family")
    browser.find_element(By.CSS_SELECTOR, "#gold textarea").send_keys("t1,dog\nt2,mouse")
    browser.find_element(By.CSS_SELECTOR, "#gold button").click()
    wait(lambda: "mouse" in text(browser, "notice"), "a wrong class is not refused")
    assert server.state(made["id"])["gold"] == 1, "half of the known classes were taken"
    browser.find_element(By.CSS_SELECTOR, "#workers tbody button").click()
    wait(lambda: server.state(made["id"])["workers"][0]["barred"], "not barred")
    browser.find_element(By.ID, "pause").click()
    wait(lambda: text(browser, "state") == "paused", "not paused")
    browser.find_element(By.ID, "close").click()
    browser.find_element(By.ID, "keep").click()
    assert server.state(made["id"])["state"] == "paused"
    browser.find_element(By.ID, "close").click()
    browser.find_element(By.ID, "really").click()
    wait(lambda: text(browser, "state") == "closed", "not closed")
    assert server.state(made["id"])["state"] == "closed"
    page = Annotator(browser, link)
    page.wait("help", "done")
    page.begin()
    assert browser.execute_script("return document.body.dataset.code") == "closed"
