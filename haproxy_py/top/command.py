"""`pyhaproxy top SOCKET`: the words of the command, and its plain form."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from haproxy_py.top.source import Address, SourceError, look
from haproxy_py.top.table import TITLES, View, arranged, headline, plain, rows_of

MISSING = "pyhaproxy top needs the library textual; run: pip install 'pyhaproxy[top]' (or use --once)"


def words_of(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words behind `top`. Raises: SystemExit, after saying why, as argparse does."""
    parser = argparse.ArgumentParser(prog="pyhaproxy top", description="a live view of a runtime socket (HAProxy's too)")
    parser.add_argument("socket", help="path of the `stats socket`, or HOST:PORT")
    parser.add_argument("--interval", type=float, default=1.0, metavar="S", help="seconds between two looks (default 1)")
    parser.add_argument("--sort", choices=TITLES, help="column to sort by")
    parser.add_argument("--filter", default="", metavar="WORDS", help="only rows with these words in proxy, name or status")
    parser.add_argument("--ill", action="store_true", help="only what someone should look at")
    parser.add_argument("--once", action="store_true", help="print the table once, with the rates of one interval")
    found = parser.parse_args(words)
    if not 0.1 <= found.interval <= 3600:
        parser.error(f"--interval: {found.interval:g} is not between 0.1 and 3600 seconds")
    return found


async def _once(address: Address, interval_s: float, view: View) -> str:
    before = await look(address)
    await asyncio.sleep(interval_s)
    now = await look(address)
    return headline(now.info) + "\n" + plain(arranged(rows_of(now, before), view))


def main(words: Sequence[str]) -> int:
    """Run `pyhaproxy top`. Returns: the exit status."""
    given = words_of(words)
    order = TITLES.index(given.sort) if given.sort else None
    view = View(order=order, words=given.filter, ill_only=given.ill)
    try:
        address = Address.parse(given.socket)
        if given.once or not sys.stdout.isatty():
            sys.stdout.write(asyncio.run(_once(address, given.interval, view)))
            return 0
        try:
            from haproxy_py.top.app import Top
        except ImportError:
            sys.stderr.write(MISSING + "\n")
            return 1
        asyncio.run(look(address))  # a wrong address is told before the screen is taken
        return Top(address, given.interval, view).run() or 0
    except SourceError as wrong:
        sys.stderr.write(f"pyhaproxy top: {wrong}\n")
        return 1
