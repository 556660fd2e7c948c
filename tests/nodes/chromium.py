"""A real Chromium without a window, driven over its DevTools protocol."""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

TIMEOUT_S = 30.0
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One page, as a phone or a screen of this size shows it."""

    def __init__(self, socket: ClientConnection, width: int, height: int) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True
        )

    def call(self, method: str, **params: Any) -> Any:
        """The result of a DevTools command."""
        sent = next(self._ids)
        self._socket.send(json.dumps({"id": sent, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=TIMEOUT_S))
            if message.get("id") == sent:
                assert "error" not in message, message
                return message["result"]

    def open(self, url: str) -> None:
        """Go to an address."""
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str, timeout_s: float = TIMEOUT_S) -> Any:
        """Wait until an expression is true; its value."""
        end_s = time.monotonic() + timeout_s
        while not (value := self.run(script)):
            assert time.monotonic() < end_s, f"{script} never held; the page says:\n{self.text()}"
            time.sleep(0.05)  # a page gives no event over this protocol for what its scripts change
        return value

    def text(self) -> str:
        """All that can be read."""
        return str(self.run("document.body.innerText"))

    def wait_text(self, words: str) -> None:
        """Wait until the page says something."""
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(words)})")

    def press(self, words: str) -> None:
        """Press the topmost visible button that says something, as a finger does."""
        says = f"b.innerText.includes({json.dumps(words)}) && (b.offsetParent || b.closest('#care-bar'))"
        found = f"[...document.querySelectorAll('button')].filter(b => {says})"
        self.wait(f"{found}.length > 0")
        self.run(f"{found}.at(-1).scrollIntoView({{block: 'center'}})")
        place = (
            f"(() => {{const b = {found}.at(-1), r = b.getBoundingClientRect();"
            "const at = [r.x + r.width / 2, r.y + r.height / 2];"
            "return b.contains(document.elementFromPoint(...at)) && at})()"
        )
        before, at = None, self.wait(place)  # nothing may lie over it
        while before != at:  # a dialog slides in
            time.sleep(0.1)
            before, at = at, self.wait(place)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """Keep what is seen, as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def tab(width: int = 360, height: int = 740) -> Iterator[Tab]:
    """A page of a browser of its own."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="chromium_", ignore_cleanup_errors=True) as folder:
        command = [
            PROGRAM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--autoplay-policy=user-gesture-required",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = _port(Path(folder) / "DevToolsActivePort")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=TIMEOUT_S) as answer:
                pages = [page for page in json.load(answer) if page["type"] == "page"]
            with connect(pages[0]["webSocketDebuggerUrl"], max_size=None, proxy=None) as socket:
                yield Tab(socket, width, height)
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)


def _port(file: Path) -> int:
    end_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end_s:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)  # Chromium tells it in a file alone
    raise AssertionError("Chromium has not started.")
