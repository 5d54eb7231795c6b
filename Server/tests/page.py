"""The pages as a person uses them: keys, clicks, and waiting until the page has answered."""
import time

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By


class Annotator:
    """The annotator's page in one browser."""

    def __init__(self, driver, link):
        self.driver = driver
        driver.get(link)

    def state(self):
        return self.driver.execute_script("return document.body.dataset.state")

    def question(self):
        return self.driver.execute_script("return document.body.dataset.question || ''")

    def text(self, identifier):
        return self.driver.find_element(By.ID, identifier).text

    def until(self, condition, what, seconds=20):
        deadline = time.time() + seconds
        while time.time() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"{what}: state {self.state()}, page: {self.driver.find_element(By.TAG_NAME, 'body').text[:600]}")

    def wait(self, *states, seconds=20):
        return self.until(lambda: self.state() in states and self.state(), f"wanted state {states}", seconds)

    def press(self, keys):
        ActionChains(self.driver).send_keys(keys).perform()

    def click(self, identifier):
        self.driver.find_element(By.ID, identifier).click()

    def begin(self):
        """Past the instructions, to the first question (or the end)."""
        if self.wait("help", "question", "done") == "help":
            self.press("\ue007")
        return self.wait("question", "done")

    def buttons(self):
        return {button.get_attribute("data-label"): button for button in self.driver.find_elements(By.CSS_SELECTOR, "#answers button")}

    def after(self, action):
        """Does something and waits for the next question or the end; the state."""
        before = self.question()
        action()
        self.until(lambda: self.state() in ("question", "done") and self.question() != before, "no next question")
        return self.state()

    def key(self, keys):
        return self.after(lambda: self.press(keys))

    def choose(self, label):
        return self.after(lambda: self.buttons()[label].click())

    def offline(self, on):
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                                    {"offline": on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})

    def unsent(self):
        return self.driver.execute_script(  # the fixture has cleared what other tests left
            "for (const k of Object.keys(localStorage)) if (k.endsWith(':unsent')) return JSON.parse(localStorage[k]); return []")
