"""The statistics page in Debian's chromium: it renders, lives, filters, fits a phone, works without JavaScript, asks nobody else."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import unavailable
from tests.harness.browser import Browser, Page, chromium
from tests.harness.ports import Reservation
from tests.harness.products import pyhaproxy

CONFIG = """global
  nbthread 2
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend web
  bind 127.0.0.1:{fe}
  default_backend app
backend app
  description the <b>app</b> & more
  server one 127.0.0.1:{origin} check inter 100ms
  server two 127.0.0.1:{origin} backup
  server three 127.0.0.1:{origin} disabled weight 9
  server dead 127.0.0.1:{closed} check inter 100ms fall 1
listen origin
  bind 127.0.0.1:{origin}
  http-request return status 200
listen a-proxy-with-quite-a-long-name-for-a-telephone-of-ordinary-width
  bind 127.0.0.1:{st}
  stats uri /stats
  stats show-legends
  stats show-node
  stats admin if TRUE
"""
ROWS = '[...document.querySelectorAll("tr.row:not(.hide)")].map(r => r.dataset.k)'
CELL = '(t => t.querySelector(".tip > b") || t)(document.querySelector("tr[data-k=\\"{row}\\"] td[data-f={field}]")).textContent'
pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Site:
    """Where a running proxy has its page and its traffic."""

    page: str
    traffic: str

    def request(self) -> None:
        """One request through the proxy."""
        urllib.request.urlopen(self.traffic, timeout=10).read()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Reservation() as taken, Reservation() as nobody:
        ports = {name: taken.take() for name in ("fe", "origin", "st")}
        closed = nobody.take()
        with pyhaproxy().start(CONFIG.format(**ports, closed=closed), ports.values()):
            yield Site(f"http://127.0.0.1:{ports['st']}/stats", f"http://127.0.0.1:{ports['fe']}/")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not chromium():
        unavailable("chromium is not installed")
    with Browser() as browser:
        yield browser


def ended_well(page: Page, site: Site) -> None:
    """Nothing was logged or refused, nobody else was asked."""
    assert page.trouble == []
    own = site.page.removesuffix("/stats")
    assert [url for url in page.asked if not url.startswith((own, "data:"))] == []
    assert [url for url in page.asked if "favicon" in url] == []


def state(page: Page, row: str, expected: str) -> None:
    """Wait until a row is in a state."""
    page.until(f'document.querySelector("tr[data-k=\\"{row}\\"]").dataset.s === "{expected}"')


def test_it_shows_every_row_in_its_state(site: Site, browser: Browser) -> None:
    with browser.page() as page:
        page.open(site.page)
        rows = page.ask(ROWS)
        assert rows[:6] == ["web/Frontend", "app/one", "app/two", "app/three", "app/dead", "app/Backend"]
        for name, expected in (("one", "up"), ("two", "nocheck"), ("three", "maint"), ("dead", "down"), ("Backend", "up")):
            state(page, f"app/{name}", expected)
        assert page.ask('document.querySelector("h2 .desc").textContent') == "the <b>app</b> & more"
        assert page.ask(CELL.format(row="app/three", field="weight")) == "9/9"
        ended_well(page, site)


def test_it_lives_without_reloading(site: Site, browser: Browser) -> None:
    with browser.page() as page:
        page.open(site.page)
        page.ask("window.kept = true")
        before = int(page.ask(CELL.format(row="app/one", field="stot")))
        site.request()
        page.until(f"{CELL.format(row='app/one', field='stot')} > {before}")
        page.until('document.querySelectorAll("#tiles .tile svg path").length > 5')
        assert page.until('document.querySelector("#tiles .tile p").firstChild.textContent') == "2 / 4"
        page.until("document.querySelectorAll('tr[data-k=\"app/one\"] td.spark path').length === 2")
        page.until("document.querySelectorAll('[data-p=app] .sparks svg').length === 4")
        assert page.ask("window.kept")
        page.ask('document.getElementById("live").click()')
        assert page.ask('document.getElementById("live").getAttribute("aria-pressed")') == "false"
        ended_well(page, site)


def test_it_filters_by_name_and_state(site: Site, browser: Browser) -> None:
    def choose(box: str, value: str) -> list[str]:
        page.ask(f'{{ let q = document.getElementById("{box}"); q.value = "{value}"; q.dispatchEvent(new Event("input")); '
                 'q.dispatchEvent(new Event("change")) }')  # fmt: skip
        found: list[str] = page.ask(ROWS)
        return found

    with browser.page() as page:
        page.open(site.page)
        state(page, "app/dead", "down")
        assert choose("q", "tWo") == ["app/two"]
        assert choose("q", "we") == ["web/Frontend"]
        assert choose("q", "") and choose("s", "down") == ["app/dead"]
        assert choose("q", "one") == []
        assert page.ask('document.querySelectorAll(".proxy:not(.hide)").length') == 0
        ended_well(page, site)


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(site: Site, browser: Browser, dark: bool) -> None:
    with browser.page(390, 844, dark=dark) as page:
        page.open(site.page)
        page.until('document.querySelectorAll("#tiles .tile").length')
        assert page.ask("document.scrollingElement.scrollWidth") <= 390
        outside = '[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 391).map(e => e.outerHTML.slice(0, 90))'
        assert page.ask(outside) == []
        ended_well(page, site)


def test_it_is_dark_when_asked_to_be(site: Site, browser: Browser) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    with browser.page(dark=True) as night, browser.page() as day:
        night.open(site.page)
        day.open(site.page)
        dark, light = night.ask(colour), day.ask(colour)
        assert dark != light
        day.ask('document.getElementById("theme").click()')
        assert day.ask(colour) == dark
        day.open(site.page)
        assert day.ask(colour) == dark  # it is remembered
        ended_well(night, site)
        ended_well(day, site)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_server_is_drained_and_made_ready(site: Site, browser: Browser, scripts: bool) -> None:
    def apply(action: str) -> None:
        page.clicked(
            '{ let f = document.querySelector("[data-p=app] form"); f.querySelector("input[value=one]").checked = true; '
            f'f.querySelector("select").value = "{action}"; f.querySelector("button").click() }}'
        )

    with browser.page(scripts=scripts) as page:
        page.open(site.page)
        if not scripts:
            assert page.ask('document.querySelector(".bar").hidden') and len(page.ask(ROWS)) > 8
        apply("drain")
        assert page.ask('document.querySelector(".told").textContent') == "Action processed successfully."
        assert page.ask("location.search + location.pathname").endswith("/stats;st=DONE")
        state(page, "app/one", "drain")
        apply("ready")
        state(page, "app/one", "up")
        ended_well(page, site)


def test_a_script_that_is_not_ours_does_not_run(site: Site, browser: Browser) -> None:
    with browser.page() as page:
        page.open(site.page)
        page.ask('{ let s = document.createElement("script"); s.textContent = "window.evil = 1"; document.body.append(s) }')
        page.ask('document.body.insertAdjacentHTML("beforeend", "<img src=http://127.0.0.1:1/x onerror=window.evil=1>")')
        page.until("true")
        assert page.ask("window.evil") is None
        assert any("Content Security Policy" in text for text in page.trouble)
