"""The text of a plain `redirect` rule is no log format: what the client is told, beside the real haproxy."""

import pytest

from tests.harness.ports import Reservation
from tests.harness.products import Product, haproxy26, haproxy28, lacking_oracle, pyhaproxy
from tests.oracle.test_stats_page import get

pytestmark = pytest.mark.skipif(bool(lacking_oracle()), reason=lacking_oracle())
RULES = (
    "location /x%[path]%%", "prefix http://a%[path]%y", "location http://h/%[bad", "location 100%", "scheme ht%[x]", "prefix /",
    'location "a  b %% %"', "location /x%20y append-slash", "prefix /%2f drop-query",
)  # fmt: skip


def locations(product: Product) -> list[list[bytes]]:
    with Reservation() as taken:
        port = taken.take()
        text = f"frontend f\n  mode http\n  timeout client 10s\n  bind 127.0.0.1:{port}\n"
        text += "".join(f"  redirect {rule} if {{ path /{n} }}\n" for n, rule in enumerate(RULES))
        with product.start(text, [port]):
            heads = [get(port, f"/{n}?q").split(b"\r\n") for n in range(len(RULES))]
    return [[line for line in head if line.startswith((b"HTTP/", b"location:"))] for head in heads]


def test_text_stands_for_itself() -> None:
    expected = locations(haproxy26() if haproxy28().missing else haproxy28())
    assert locations(pyhaproxy()) == expected
    assert expected[0][1] == b"location: /x%[path]%%"
