"""Starts the server under test and browsers. `scripts/test-server BINARY` runs this folder."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest


def pytest_addoption(parser):
    parser.addoption("--server", default=os.environ.get("CAFE_SERVER", ""), help="path of cafe-server")


class Answer:
    """A response: status, headers, text, and JSON where it is JSON."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.data = response.read()

    @property
    def text(self):
        return self.data.decode()

    @property
    def json(self):
        return json.loads(self.data)


class Server:
    """One process of cafe-server on a data folder, on loopback."""

    def __init__(self, binary, folder, *options):
        self.binary, self.folder, self.options = binary, pathlib.Path(folder), list(options)
        self.process, self.port, self.lines = None, 0, []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token_file = self.folder / "token"

    def start(self, wait=60):
        command = [self.binary, "--data", str(self.folder / "data"), "--port", str(self.port),
                   "--admin-token-file", str(self.token_file), *self.options]
        self.log = open(self.folder / "log.jsonl", "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.lines, ready = [], threading.Event()

        def read(stream):
            for line in stream:
                self.lines.append(line.rstrip("\n"))
                if line.startswith("listening on"):
                    ready.set()
            ready.set()

        threading.Thread(target=read, args=(self.process.stdout,), daemon=True).start()
        ready.wait(wait)
        listening = [line for line in self.lines if line.startswith("listening on ")]
        if not listening:
            self.kill()
            tail = (self.folder / "log.jsonl").read_text()[-2000:]
            raise AssertionError(f"the server did not start: {self.lines} {tail}")
        self.base = listening[0].removeprefix("listening on ").rstrip("/")
        parts = urllib.parse.urlsplit(self.base)
        self.port, self.path = parts.port, parts.path
        deadline = time.time() + wait
        while True:
            try:
                if self.get("/readyz").status == 200:
                    break
            except OSError:
                pass
            assert time.time() < deadline, "the server is not ready"
            time.sleep(0.02)
        self.admin = self.token_file.read_text().strip()
        return self

    def stop(self):
        """A graceful end; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.log.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def request(self, method, path, body=None, token=None, kind="application/json", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = dict(headers or {})
        if body is not None:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            sent.setdefault("Content-Type", kind)
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, self.path + path, body, sent)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, token=None, **more):
        return self.request("GET", path, token=token, **more)

    def post(self, path, body=None, token=None, **more):
        return self.request("POST", path, body, token, **more)

    # What most tests need.
    def study(self, tasks=6, classes=("cat", "dog", "other"), **more):
        if isinstance(tasks, int):
            tasks = [{"id": f"t{i}", "context": "abc"[i % 3], "text": f"Text number {i}."} for i in range(tasks)]
        body = {"name": "A study", "classes": list(classes), "tasks": tasks, "budget": 100, **more}
        answer = self.post("/v1/studies", body, self.admin)
        assert answer.status == 201, answer.text
        return answer.json

    def worker(self, study, name):
        answer = self.post(f"/v1/studies/{study}/workers", {"id": name}, self.admin)
        assert answer.status == 201, answer.text
        return answer.json

    def answers(self, study):
        answer = self.get(f"/v1/studies/{study}/answers?format=json", self.admin)
        assert answer.status == 200, answer.text
        return answer.json["answers"]

    def state(self, study):
        answer = self.get(f"/v1/studies/{study}", self.admin)
        assert answer.status == 200, answer.text
        return answer.json

    def alive(self):
        return self.process.poll() is None


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@pytest.fixture(scope="session")
def binary(request):
    path = request.config.getoption("--server")
    assert path and os.access(path, os.X_OK), "give the program: --server PATH or CAFE_SERVER"
    return os.path.abspath(path)


@pytest.fixture
def make_server(binary, tmp_path):
    made = []

    def make(*options, folder="one"):
        server = Server(binary, tmp_path / folder, "--rate-limit", "0", *options)
        made.append(server)
        return server

    yield make
    for server in made:
        if server.process and server.alive():
            server.kill()


@pytest.fixture(scope="module")
def server(binary, tmp_path_factory):
    """One server for the tests of a file."""
    one = Server(binary, tmp_path_factory.mktemp("server"), "--rate-limit", "0").start()
    yield one
    assert one.alive(), "the server died during the tests"
    assert one.stop() == 0


# --- Browsers -------------------------------------------------------------------------------------------------------
def chromium(width=1000, height=800):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
                     f"--window-size={width},{height}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver") or "/usr/bin/chromedriver"))
    driver.set_page_load_timeout(30)
    return driver


@pytest.fixture(scope="session")
def session_browser():
    driver = chromium()
    yield driver
    driver.quit()


@pytest.fixture
def browser(session_browser):
    """A browser without cookies and storage, online, at its usual size."""
    driver = session_browser
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                           {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    for handle in reversed(driver.window_handles):
        driver.switch_to.window(handle)
        if driver.current_url.startswith("http"):
            origin = driver.execute_script("return location.origin")
            driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        if handle != driver.window_handles[0]:
            driver.close()
    driver.get("about:blank")
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    driver.get_log("browser")
    yield driver
    severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    # A refused call and a lost network are logged by the browser itself; a broken script or policy is not expected ever.
    wrong = [message for message in severe if "Content Security Policy" in message or "Uncaught" in message or "SyntaxError" in message]
    assert not wrong, wrong


@pytest.fixture
def second_browser():
    driver = chromium()
    yield driver
    driver.quit()
