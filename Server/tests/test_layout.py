"""All pages: narrow, dark, accessible by axe-core's rules, nothing from outside, policy of content kept."""
import pathlib
import time

import axe_core_python
import pytest
from page import Annotator
from selenium.webdriver.common.by import By
from test_admin import wait

AXE = next(pathlib.Path(axe_core_python.__file__).parent.rglob("axe.min.js")).read_text()


@pytest.fixture(scope="module")
def pages(server):
    study = server.study(5, ("cat", "dog", "a class with quite a long name that has to be wrapped somewhere"), instructions="# Read\n\n- one\n- two", join="open",
                         name="A-study-with-a-name-that-is-long-and-has-no-blank-in-it-at-all")
    token = server.worker(study["id"], "ann")["token"]
    for _ in range(3):
        asked = server.post(f"/v1/studies/{study['id']}/next", token=token).json
        server.post(f"/v1/studies/{study['id']}/answers", {"question": asked["question"]["id"], "label": "cat"}, token)
    server.post("/v1/cities", {"id": "narrow"}, server.admin)
    taken = server.post("/v1/cities/narrow/events", [
        {"type": "worker", "id": "ana", "xy": [0, 0], "time": 1}, {"type": "task", "id": "t", "xy": [3, 3], "workload_min": 9, "deadline": 90, "time": 1}], server.admin)
    assert taken.status == 200, taken.text
    admin = f"?t={server.admin}"
    return {"annotator": study["link"], "admin": f"{server.base}/admin{admin}", "study": f"{server.base}/admin/studies/{study['id']}{admin}",
            "city": f"{server.base}/cities/narrow{admin}", "end": f"{server.base}/s/unknown"}


def opened(browser, kind, address):
    if kind == "annotator":
        page = Annotator(browser, address)
        page.begin()
    else:
        browser.get(address)
        if kind == "city":
            wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#map .worker"), "no worker")
        if kind == "study":
            wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#workers tbody tr"), "no workers")
        if kind == "admin":
            wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#studies tbody tr"), "no studies")
    time.sleep(0.2)


@pytest.mark.parametrize("kind", ["annotator", "admin", "study", "city", "end"])
def test_360_pixels(pages, browser, kind):
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True})
    opened(browser, kind, pages[kind])
    wide = browser.execute_script(
        "return [document.documentElement.scrollWidth, ...[...document.querySelectorAll('button, .button, h1, h2, p, input')]"
        ".filter(e => e.offsetParent && !e.closest('.scroll')).map(e => Math.ceil(e.getBoundingClientRect().right))]")
    assert max(wide) <= 360, wide
    small = browser.execute_script("return [...document.querySelectorAll('#answers button, .tools button')].map(e => e.offsetHeight)")
    assert not small or min(small) >= 44, small


@pytest.mark.parametrize("kind", ["annotator", "admin", "study", "city", "end"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_in_light_and_dark(pages, browser, kind, scheme):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    opened(browser, kind, pages[kind])
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    bright = sum(int(part) for part in background.removeprefix("rgb(").rstrip(")").split(",")) > 380
    assert bright == (scheme == "light"), background
    browser.execute_script(AXE)
    found = browser.execute_async_script("const done = arguments[0]; axe.run(document).then(done, error => done({error: String(error)}))")
    assert "error" not in found, found
    assert len(found["passes"]) > 5
    faults = [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in found["violations"]]
    assert not faults, faults


@pytest.mark.parametrize("kind", ["annotator", "admin", "study", "city", "end"])
def test_nothing_from_outside(server, pages, browser, kind):
    opened(browser, kind, pages[kind])
    addresses = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert all(address.startswith((server.base + "/", "data:")) for address in addresses), addresses
    assert not browser.find_elements(By.CSS_SELECTOR, "[style]:not(svg *), script:not([src]):not([type='application/json']), style")


@pytest.mark.parametrize("path", ["/admin", "/s/unknown", "/assets/cafe.css", "/assets/worker.js"])
def test_headers(server, path):
    answer = server.get(path)
    policy = answer.headers.get("Content-Security-Policy", "")
    if not path.startswith("/assets"):
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    else:
        assert answer.status == 200 and answer.headers["ETag"]
        again = server.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304 and not again.data
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
