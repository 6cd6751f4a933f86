"""A real browser for tests: the few words of the WebDriver protocol that they need."""

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["NEEDS_BROWSER", "Browser", "requests", "session"]

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
NEEDS_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="needs a browser: apt install chromium chromium-driver",
    ),
]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--headless=new",
    "--disable-background-networking",
    "--window-size=1280,1000",
]
ARGUMENTS += ["--disable-dev-shm-usage", "--no-first-run", "--disable-component-update", "--hide-scrollbars"]


class Browser:
    """The few words of the WebDriver protocol that these tests need."""

    def __init__(self, port: int, profile: Path) -> None:
        self.port = port
        options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}"], "binary": CHROMIUM}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        self.session = ""
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def call(self, verb: str, path: str, body: dict | None = None) -> dict:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        where = f"/session/{self.session}{path}" if self.session else path
        connection.request(verb, where, None if body is None else json.dumps(body))
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def open(self, path: Path) -> None:
        self.call("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str):
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def log(self, kind: str) -> list[dict]:
        return list(self.call("POST", "/se/log", {"type": kind}))

    def press(self, *keys: str) -> None:
        presses = [{"type": action, "value": key} for key in keys for action in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": presses}]})

    def point(self, x: float, y: float) -> None:
        move = {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0}
        self.call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": [move]}]})

    def prefer(self, scheme: str) -> None:
        parameters = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setEmulatedMedia", "params": parameters})

    def screenshot(self) -> bytes:
        return base64.b64decode(str(self.call("GET", "/screenshot")))


@contextmanager
def session(profile: Path) -> Generator[Browser]:
    """A browser of its own, gone afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert DRIVER is not None
    process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        found = Browser(port, profile)
        # The browser's own first page asks for its parts; no test is to see that.
        found.call("POST", "/url", {"url": "about:blank"})
        yield found
        found.call("DELETE", "")
    finally:
        process.terminate()
        process.wait(timeout=20)


def requests(browser: Browser) -> list[str]:
    """Every address that was asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
    return [part["params"]["request"]["url"] for part in messages if part["method"] == "Network.requestWillBeSent"]
