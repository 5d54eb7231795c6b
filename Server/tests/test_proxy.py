"""Behind Debian's nginx at a sub-path, by the example of deploy/nginx.conf."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

import pytest
from conftest import free_port
from page import Annotator
from selenium.webdriver.common.by import By
from test_admin import wait

EXAMPLE = pathlib.Path(__file__).parent.parent / "deploy" / "nginx.conf"


@pytest.fixture
def proxied(make_server, tmp_path):
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    assert os.path.exists(nginx), "nginx is not installed (apt-get install nginx-light)"
    server = make_server("--base-path", "/cafe").start()
    port = free_port()
    example = EXAMPLE.read_text()
    site, count = re.subn(r"127\.0\.0\.1:8080", f"127.0.0.1:{server.port}", example)
    assert count, "the example does not name the server"
    # The example stands in a site with TLS; here the same locations on a plain port.
    locations = site[site.index("# begin locations"):site.index("# end locations")]
    upstream = site[site.index("upstream"):site.index("}", site.index("upstream")) + 1]
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;
        events {{}}
        http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;
        uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s;
        {upstream}
        server {{ listen 127.0.0.1:{port}; {locations} }} }}""")
    process = subprocess.Popen([nginx, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)], stderr=subprocess.DEVNULL)
    deadline = time.time() + 10
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/cafe/readyz").read()
            break
        except OSError:
            assert time.time() < deadline, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
    yield server, f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_a_study_at_a_sub_path(proxied, browser):
    server, outside = proxied
    made = server.study(3, ("cat", "dog"), instructions="Read.")
    ann = server.worker(made["id"], "ann")
    page = Annotator(browser, f"{outside}/cafe/s/{made['id']}?t={ann['token']}")
    page.begin()
    for _ in range(3):
        page.key("1")
    assert page.state() == "done" and len(server.answers(made["id"])) == 3
    addresses = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert addresses and all(address.startswith(f"{outside}/cafe/") for address in addresses), addresses
    browser.get(f"{outside}/cafe/admin?t={server.admin}")
    wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#studies tbody a"), "no studies")[0].click()
    wait(lambda: browser.find_elements(By.CSS_SELECTOR, "#workers tbody tr"), "no workers")
    assert browser.current_url == f"{outside}/cafe/admin/studies/{made['id']}"


def test_links_name_the_outside(proxied):
    server, outside = proxied
    request = urllib.request.Request(f"{outside}/cafe/v1/studies", b'{"name": "P", "classes": ["a", "b"], "tasks": [{"id": "t"}], "budget": 1}',
                                     {"Authorization": f"Bearer {server.admin}", "Content-Type": "application/json"})
    import json
    link = json.load(urllib.request.urlopen(request))["link"]
    assert link.startswith(f"{outside}/cafe/s/"), link


def test_the_stream_is_not_held_back(proxied, browser):
    server, outside = proxied
    server.post("/v1/cities", {"id": "far"}, server.admin)
    browser.get(f"{outside}/cafe/cities/far?t={server.admin}")
    wait(lambda: browser.execute_script("return document.body.dataset.state") == "live", "no stream")
    for step in range(3):
        server.post("/v1/cities/far/events", [{"type": "worker", "id": f"w{step}", "xy": [step, 1], "time": step}], server.admin)
        wait(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#map .worker")) == step + 1, "an event is held back", 5)
