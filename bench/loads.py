"""The load generators: wrk for requests, curl for very large replies."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

BROWSER = """wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
wrk.headers["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"
wrk.headers["Accept-Language"] = "en-GB,en;q=0.9,de;q=0.8,fr;q=0.7"
wrk.headers["Accept-Encoding"] = "gzip, deflate, br, zstd"
wrk.headers["Referer"] = "https://www.example.com/catalogue/section/page?sort=price&order=asc"
wrk.headers["Cookie"] = "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.2.1234567890.1234567890"
wrk.headers["Sec-Fetch-Dest"] = "document"
wrk.headers["Sec-Fetch-Mode"] = "navigate"
wrk.headers["Sec-Fetch-Site"] = "same-origin"
wrk.headers["Upgrade-Insecure-Requests"] = "1"
wrk.headers["Cache-Control"] = "max-age=0"
"""
PUT = """wrk.method = "PUT"
wrk.body = string.rep("x", 1048576)
"""
APPS = """local n = 0
request = function() n = (n + 1) % 10; return wrk.format("GET", "/app" .. n .. "/page") end
"""
_REQUESTS = re.compile(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_UNIT = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Work:
    """What the clients do. tool: wrk or curl; script: Lua text for wrk."""

    path: str = "/"
    connections: int = 64
    script: str = ""
    close: bool = False
    tls: bool = False
    tool: str = "wrk"


@dataclass(frozen=True)
class Done:
    """What came of it."""

    requests: int
    seconds: float
    bad: int


def run(work: Work, port: int, seconds: float, folder: Path, cpu: int | None) -> Done:
    """Load 127.0.0.1:`port` for about `seconds` (wrk counts whole seconds)."""
    url = f"{'https' if work.tls else 'http'}://127.0.0.1:{port}{work.path}"
    pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
    return _curl(url, seconds, pin) if work.tool == "curl" else _wrk(work, url, seconds, folder, pin)


def _wrk(work: Work, url: str, seconds: float, folder: Path, pin: list[str]) -> Done:
    command = [*pin, "wrk", "-t1", f"-c{work.connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s"]
    if work.close:
        command += ["-H", "Connection: close"]
    if work.script:
        script = folder / "load.lua"
        script.write_text(work.script)
        command += ["-s", str(script)]
    text = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    found = _REQUESTS.search(text)
    if found is None:
        raise RuntimeError(f"wrk said: {text}")
    bad = sum(int(part) for match in _BAD.finditer(text) for part in match.groups() if part)
    return Done(int(found[1]), float(found[2]) * _UNIT[found[3]], bad)


def _curl(url: str, seconds: float, pin: list[str]) -> Done:
    """One download after the other until the time is over; at least one."""
    start = time.monotonic()
    count = bad = 0
    while count == 0 or time.monotonic() - start < seconds:
        done = subprocess.run([*pin, "curl", "-sSfk", "--max-time", "60", "-o", "/dev/null", url], capture_output=True, check=False)
        count += 1
        bad += done.returncode != 0
    return Done(count, time.monotonic() - start, bad)
