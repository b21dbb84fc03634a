"""Debian's chromium without a window, driven over the DevTools protocol: pages, what they log and what they ask the network for.

    with Browser() as browser, browser.page() as page:
        page.open("http://127.0.0.1:8080/stats")
        page.until("document.title")
        assert page.trouble == []

Source: https://chromedevtools.github.io/devtools-protocol/ (domains Target, Page, Runtime, Log, Network, Emulation).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import connect

SECONDS = 60.0
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--remote-debugging-port=0")  # fmt: skip


class BrowserError(Exception):
    """The browser does not run, or a page does not do what it was told to; the text says which."""


def chromium() -> str:
    """Where the program is, "" nowhere."""
    return shutil.which("chromium", path=f"{os.environ.get('PATH', '')}:/usr/bin") or ""


class Browser:
    """One running chromium with a profile of its own. Use as a context manager; nothing is left behind."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="browser-"))
        self.held = contextlib.ExitStack()
        self.last = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        environment = {**os.environ, "HOME": str(self.folder), "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        with open(self.folder / "log", "wb") as log:
            words = [chromium(), *FLAGS, f"--user-data-dir={self.folder}/profile", "about:blank"]
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            talk = connect(self._address(), max_size=None, open_timeout=SECONDS, compression=None)
            self.socket = self.held.enter_context(talk)
        except BaseException:
            self._end()
            raise
        return self

    def _address(self) -> str:
        """Where the protocol is spoken: chromium writes port and path into its profile."""
        said = self.folder / "profile/DevToolsActivePort"
        end = time.monotonic() + SECONDS
        while not (said.exists() and said.read_text().count("\n")):
            if self.process.poll() is not None or time.monotonic() > end:
                raise BrowserError((self.folder / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        port, path = said.read_text().split()
        return f"ws://127.0.0.1:{port}{path}"

    def call(self, method: str, session: str = "", **words: Any) -> dict[str, Any]:
        """One command and its result; what comes meanwhile is kept in `events`. Raises: BrowserError."""
        self.last += 1
        told: dict[str, Any] = {"id": self.last, "method": method, "params": words}
        self.socket.send(json.dumps({**told, "sessionId": session} if session else told))
        end = time.monotonic() + SECONDS
        while True:
            found = json.loads(self.socket.recv(timeout=max(0.0, end - time.monotonic())))
            if found.get("id") != self.last:
                self.events.append(found)
            elif "error" in found:
                raise BrowserError(f"{method}: {found['error']['message']}")
            else:
                result: dict[str, Any] = found["result"]
                return result

    def page(self, width: int = 1500, height: int = 900, *, dark: bool = False, scripts: bool = True) -> Page:
        """A new page with storage of its own. width, height: CSS pixels; scripts: False: JavaScript is off."""
        return Page(self, width, height, dark=dark, scripts=scripts)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.held.close()
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Page:
    """One page. `trouble`: what it logged as error or warning, exceptions, refusals of its policy; `asked`: URLs it requested."""

    def __init__(self, browser: Browser, width: int, height: int, *, dark: bool, scripts: bool) -> None:
        self.browser = browser
        self.room: str = browser.call("Target.createBrowserContext")["browserContextId"]
        target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.room)["targetId"]
        self.session: str = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.size(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def call(self, method: str, **words: Any) -> dict[str, Any]:
        """A command for this page."""
        return self.browser.call(method, self.session, **words)

    def size(self, width: int, height: int) -> None:
        """Another window; below 760 pixels it is a phone's."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 760)

    def open(self, url: str) -> None:
        """Load and wait until everything is there."""
        before = self._loads()
        self.call("Page.navigate", url=url)
        self.loaded(before)

    def loaded(self, before: int) -> None:
        """Wait for one more load. before: how many there were."""
        end = time.monotonic() + SECONDS
        while self._loads() <= before:
            if time.monotonic() > end:
                raise BrowserError("the page never loaded")
            self._listen()

    def _loads(self) -> int:
        return len(self._heard("Page.loadEventFired"))

    def clicked(self, expression: str) -> None:
        """Do what loads another page, and wait for it."""
        before = self._loads()
        try:
            self.ask(expression)
        except BrowserError as gone:  # the page went before it could answer
            if "navigated" not in str(gone):
                raise
        self.loaded(before)

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page. Raises: BrowserError with its exception."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise BrowserError(json.dumps(found["exceptionDetails"]))
        return found["result"].get("value")

    def until(self, expression: str) -> Any:
        """The first true value of an expression. Raises: BrowserError."""
        end = time.monotonic() + SECONDS
        while not (found := self.ask(expression)):
            if time.monotonic() > end:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.05)
        return found

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A screenshot in PNG. whole: with what lies below the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def _listen(self) -> None:
        """Take in what has happened: it comes before the answer to a command."""
        self.call("Page.getFrameTree")

    def _heard(self, method: str) -> list[dict[str, Any]]:
        return [e["params"] for e in self.browser.events if e.get("method") == method and e.get("sessionId") == self.session]

    @property
    def trouble(self) -> list[str]:
        self._listen()
        logged = [e["entry"]["text"] for e in self._heard("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")]
        said = [json.dumps(e["args"]) for e in self._heard("Runtime.consoleAPICalled") if e["type"] in ("error", "warning", "assert")]
        return logged + said + [json.dumps(e["exceptionDetails"]) for e in self._heard("Runtime.exceptionThrown")]

    @property
    def asked(self) -> list[str]:
        return [e["request"]["url"] for e in self._heard("Network.requestWillBeSent")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.room)
        self.browser.events = [e for e in self.browser.events if e.get("sessionId") != self.session]
