"""The annotator's page in a real browser."""
import time

from page import Annotator
from selenium.webdriver.common.by import By

CLASSES = ("cat", "dog", "other")


def task_of(server, study):
    """{task: label} of what is recorded."""
    return {row["task"]: row["label"] for row in server.answers(study)}


def test_whole_study_by_keys(server, browser):
    made = server.study(6, CLASSES, instructions="# How\n\nLook **well**. <b>no markup</b> [x](javascript:alert(1))",
                        completion_url="https://app.prolific.com/submissions/complete?cc=CODE77")
    ann = server.worker(made["id"], "ann")
    page = Annotator(browser, ann["link"])
    assert page.wait("help") == "help"
    assert "?t=" not in browser.current_url, "the token stays in the address"
    assert page.driver.find_elements(By.CSS_SELECTOR, "#instructions strong")[0].text == "well"
    assert not page.driver.find_elements(By.CSS_SELECTOR, "#instructions b, #instructions a"), "markup or a script link came through"
    assert page.begin() == "question"
    pressed = {}
    for step in range(6):
        assert page.text("count").startswith(f"{step} of about"), page.text("count")
        text, key = page.text("question"), "123"[step % 3]
        pressed["t" + text.split()[-1].rstrip(".")] = CLASSES[step % 3]
        state = page.key(key)
        if step < 5:
            assert state == "question" and page.text("status") == "Saved"
    assert page.state() == "done"
    assert page.text("end-title") == "All done, thank you" and page.text("end-text")
    assert page.text("code") == "CODE77"
    assert page.driver.find_element(By.ID, "finish").get_attribute("href").endswith("cc=CODE77")
    assert task_of(server, made["id"]) == pressed and len(pressed) == 6


def test_whole_study_by_clicks(server, browser):
    made = server.study(4, CLASSES, join="open", instructions="Read.")
    page = Annotator(browser, made["link"])
    page.wait("help")
    page.click("start")
    page.wait("question")
    wanted = {}
    for step in range(4):
        label = CLASSES[(step + 1) % 3]
        wanted["t" + page.text("question").split()[-1].rstrip(".")] = label
        page.choose(label)
    assert page.state() == "done"
    assert task_of(server, made["id"]) == wanted and len(wanted) == 4


def test_arrows_and_enter_choose(server, browser):
    made = server.study(2, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.press("\ue007")
    assert "Choose an answer" in page.text("status") and not server.answers(made["id"])
    page.press("\ue015\ue015")  # down twice: the second class
    page.key("\ue007")
    assert [row["label"] for row in server.answers(made["id"])] == ["dog"]


def test_more_classes_than_keys(server, browser):
    classes = [f"class {i}" for i in range(12)]
    made = server.study(2, classes)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.press("0")
    assert page.state() == "question"
    page.choose("class 11")
    page.key("9")
    assert sorted(row["label"] for row in server.answers(made["id"])) == ["class 11", "class 8"]


def test_skip_and_correct(server, browser):
    made = server.study(3, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    assert browser.find_element(By.ID, "undo").get_attribute("disabled")
    page.key("s")
    first = page.text("question")
    page.key("1")
    assert [row["label"] for row in server.answers(made["id"])] == ["cat"]
    third = page.question()
    page.press("u")
    page.until(lambda: browser.execute_script("return document.body.dataset.correcting") == "true", "not correcting")
    assert page.text("question") == first
    page.press("\ue00c")  # Esc leaves it
    page.until(lambda: page.state() == "question" and page.question() == third, "not back at the question")
    assert [row["label"] for row in server.answers(made["id"])] == ["cat"]
    page.press("u")
    page.until(lambda: browser.execute_script("return document.body.dataset.correcting") == "true", "not correcting")
    page.press("3")
    page.until(lambda: page.state() == "question" and page.question() == third, "not back at the question")
    assert page.text("status") == "Corrected and saved"
    assert [row["label"] for row in server.answers(made["id"])] == ["other"]
    assert server.state(made["id"])["spent"] == 1, "a correction costs nothing"


def test_keys_can_be_switched_off(server, browser):
    made = server.study(2, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.click("shortcuts")
    page.press("1")
    time.sleep(0.5)
    assert page.state() == "question" and not server.answers(made["id"])
    page.click("shortcuts")
    page.key("1")
    assert len(server.answers(made["id"])) == 1


def test_reload_shows_the_same_question(server, browser):
    made = server.study(5, CLASSES, instructions="Read.")
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.key("2")
    before = page.question()
    browser.refresh()
    assert page.wait("question", "help") == "question", "instructions are shown once"
    assert page.question() == before
    assert server.state(made["id"])["outstanding"] == 1
    page.press("u")
    page.until(lambda: browser.execute_script("return document.body.dataset.correcting") == "true", "U works after a reload")


def test_two_annotators_at_once(server, browser, second_browser):
    made = server.study(8, CLASSES, budget=11)
    pages = [Annotator(driver, server.worker(made["id"], name)["link"]) for driver, name in ((browser, "ann"), (second_browser, "bob"))]
    for page in pages:
        page.begin()
    turns = 0
    while any(page.state() == "question" for page in pages) and turns < 40:
        for page in pages:
            if page.state() == "question":
                page.key("123"[turns % 3])
            turns += 1
        if all(page.state() == "done" for page in pages):
            break
    rows = server.answers(made["id"])
    pairs = [(row["task"], row["worker"]) for row in rows]
    assert len(pairs) == 11 and len(set(pairs)) == 11, pairs
    assert {row["worker"] for row in rows} == {"ann", "bob"}
    assert server.state(made["id"])["spent"] == 11


def test_two_tabs_of_one_annotator(server, browser):
    made = server.study(4, CLASSES)
    link = server.worker(made["id"], "ann")["link"]
    page = Annotator(browser, link)
    page.begin()
    first = page.question()
    one = browser.current_window_handle
    browser.switch_to.new_window("tab")
    other = Annotator(browser, link)
    other.begin()
    assert other.question() == first
    other.key("1")
    second = other.question()
    browser.switch_to.window(one)
    page.until(lambda: page.question() == second, "the other tab does not follow")
    page.key("2")
    labels = [row["label"] for row in server.answers(made["id"])]
    assert labels == ["cat", "dog"]


def test_offline_and_back(server, browser):
    made = server.study(4, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.offline(True)
    page.press("2")
    page.wait("offline")
    assert page.text("status") == "Not sent yet" and "kept on this device" in page.text("notice")
    assert len(page.unsent()) == 1 and not server.answers(made["id"])
    page.press("3")  # nothing more can be answered now
    assert len(page.unsent()) == 1
    before = page.question()
    page.offline(False)
    page.until(lambda: page.state() == "question" and page.question() != before, "it does not go on")
    assert page.text("status") == "Saved" and page.unsent() == []
    assert not browser.find_element(By.ID, "notice").is_displayed()
    assert [row["label"] for row in server.answers(made["id"])] == ["dog"]


def test_unsent_answer_survives_a_closed_page(server, browser):
    made = server.study(4, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    address = browser.current_url
    page.offline(True)
    page.press("3")
    page.wait("offline")
    page.offline(False)
    # The server is reachable again, but the page is gone before it tried again.
    browser.execute_script("for (let i = 0; i < 1e5; i += 1) clearTimeout(i)")
    if not server.answers(made["id"]):
        assert len(page.unsent()) == 1
    browser.get("about:blank")
    browser.get(address)
    page.wait("question")
    assert [row["label"] for row in server.answers(made["id"])] == ["other"]
    assert page.unsent() == []


def test_server_away_and_back(make_server, browser):
    server = make_server().start()
    made = server.study(3, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    server.kill()
    page.press("1")
    page.wait("offline")
    assert len(page.unsent()) == 1
    before = page.question()
    server.start()
    page.until(lambda: page.state() == "question" and page.question() != before, "it does not go on", 40)
    assert [row["label"] for row in server.answers(made["id"])] == ["cat"]


def test_lapsed_question_given_away(server, browser):
    made = server.study(1, CLASSES, budget=1, lease_seconds=1)
    link, bob = server.worker(made["id"], "ann")["link"], server.worker(made["id"], "bob")
    page = Annotator(browser, link)
    page.begin()
    page.until(lambda: "open for long" in page.text("notice"), "no word about the lapse")
    asked = server.post(f"/v1/studies/{made['id']}/next", token=bob["token"]).json
    deadline = time.time() + 10
    while "question" not in asked and time.time() < deadline:
        time.sleep(0.2)
        asked = server.post(f"/v1/studies/{made['id']}/next", token=bob["token"]).json
    done = server.post(f"/v1/studies/{made['id']}/answers", {"question": asked["question"]["id"], "label": "dog"}, bob["token"])
    assert done.json == {"recorded": True}
    page.press("1")
    page.wait("done")
    assert page.text("notice"), "a refused answer needs a sentence"
    assert [(row["worker"], row["label"]) for row in server.answers(made["id"])] == [("bob", "dog")]
    assert server.state(made["id"])["spent"] == 1


def test_late_answer_is_taken_while_nothing_was_given_away(server, browser):
    made = server.study(3, CLASSES, budget=10, lease_seconds=1)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.until(lambda: "open for long" in page.text("notice"), "no word about the lapse")
    time.sleep(1.5)
    page.press("1")
    page.until(lambda: page.text("status") == "Saved", "it is not taken")
    assert [row["label"] for row in server.answers(made["id"])] == ["cat"]


def test_wrong_token_and_unknown_study(server, browser):
    made = server.study(2, CLASSES)
    for address, status in ((f"/s/{made['id']}?t=wrong", 403), (f"/s/{made['id']}", 403), ("/s/nothing-here", 404), ("/admin", 403), ("/admin?t=wrong", 403)):
        browser.get(server.base + address)
        text = browser.find_element(By.ID, "text").text
        assert text.endswith(".") and len(text) > 15, text
        assert not browser.find_elements(By.TAG_NAME, "script")
        assert browser.execute_script("return performance.getEntriesByType('navigation')[0].responseStatus") == status, address


def test_token_that_ends_while_working(server, browser):
    made = server.study(3, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    browser.delete_all_cookies()
    page.press("1")
    page.wait("done")
    assert page.text("end-title") == "This page cannot go on" and page.text("end-text")
    assert len(page.unsent()) == 1, "the answer stays on the device"


def test_pause_and_close(server, browser):
    made = server.study(4, CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    assert server.post(f"/v1/studies/{made['id']}/pause", token=server.admin).json == {"state": "paused"}
    page.press("1")
    page.wait("done")
    assert page.text("end-title") == "A short pause" and "looks again" in page.text("end-timer")
    assert len(server.answers(made["id"])) == 1, "an answer to what was asked before the pause counts"
    server.post(f"/v1/studies/{made['id']}/resume", token=server.admin)
    page.click("again")
    page.wait("question")
    server.post(f"/v1/studies/{made['id']}/close", token=server.admin)
    page.press("2")
    page.wait("done")
    assert page.text("end-title") == "This study is closed"


def test_budget_spent_says_so(server, browser):
    made = server.study(9, CLASSES, budget=2)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    page.key("1")
    page.key("1")
    assert page.state() == "done"
    assert browser.execute_script("return document.body.dataset.code") == "budget-spent"
    assert page.text("end-text").endswith(".")


def test_prolific(server, browser):
    made = server.study(3, CLASSES, join="open", completion_url="https://app.prolific.com/submissions/complete?cc=PC1")
    address = made["link"] + "?PROLIFIC_PID=5f00aa&STUDY_ID=s1&SESSION_ID=x9"
    page = Annotator(browser, address)
    page.begin()
    for _ in range(3):
        page.key("1")
    assert page.state() == "done" and page.text("code") == "PC1"
    page.until(lambda: "sent on" in page.text("end-timer"), "no word about the redirect")
    assert {row["worker"] for row in server.answers(made["id"])} == {"prolific:5f00aa"}
    browser.get("about:blank")


def test_mturk(server, browser):
    made = server.study(2, CLASSES, join="open")
    host = "&turkSubmitTo=https%3A%2F%2Fworkersandbox.mturk.com"
    page = Annotator(browser, made["link"] + "?assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=h" + host)
    page.wait("help")
    assert "preview" in page.text("notice").lower() and not browser.find_element(By.ID, "start").is_displayed()
    page = Annotator(browser, made["link"] + "?assignmentId=A1&hitId=h&workerId=W9" + host)
    page.begin()
    page.key("1")
    page.key("2")
    form = browser.find_element(By.ID, "mturk")
    assert form.is_displayed() and form.get_attribute("action") == "https://workersandbox.mturk.com/mturk/externalSubmit"
    assert browser.execute_script("return document.forms.mturk.elements.assignmentId.value") == "A1"
    assert {row["worker"] for row in server.answers(made["id"])} == {"mturk:W9"}
    page = Annotator(browser, made["link"] + "?assignmentId=A2&hitId=h&workerId=W10&turkSubmitTo=https%3A%2F%2Fevil.example")
    page.begin()
    page.key("1")
    page.key("2")
    assert not browser.find_element(By.ID, "mturk").is_displayed(), "answers went to a foreign host"


def test_texts_are_never_markup(server, browser):
    bad = "<img src=x onerror=\"document.title='broken in'\"></script><script>document.title='broken in'</script>"
    made = server.study([{"id": "<b>", "text": bad, "fields": {"<i>": bad}}, {"id": "t2", "text": "x"}], ["<u>yes</u>", "no"],
                        name=f"Name {bad}", instructions=bad)
    page = Annotator(browser, server.worker(made["id"], "<ann>")["link"])
    page.begin()
    time.sleep(0.3)
    assert browser.title == f"Name {bad}"
    assert not browser.find_elements(By.CSS_SELECTOR, "main img, main u, main script")
    if "x" != page.text("question"):
        assert bad in page.text("question")


def test_image_and_fields(server, browser):
    picture = "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='40' height='30'/>"
    made = server.study([{"id": "i", "image": picture}], CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    image = browser.find_element(By.CSS_SELECTOR, "#question img")
    page.until(lambda: image.get_property("naturalWidth") == 40, "the image is not shown")
    assert image.get_attribute("alt")
    made = server.study([{"id": "f", "fields": {"title": "A", "stars": 3}}], CLASSES)
    page = Annotator(browser, server.worker(made["id"], "ann")["link"])
    page.begin()
    assert [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#question dt, #question dd")] in (
        ["title", "A", "stars", "3"], ["stars", "3", "title", "A"])
