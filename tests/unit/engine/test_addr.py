"""Addresses against Python's ipaddress."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haproxy_py.engine.addr import addr_to_text, text_to_addr


@given(st.ip_addresses(), st.integers(0, 65535))
def test_text_round_trip(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    text, back = addr_to_text(text_to_addr(str(ip), port))
    assert ipaddress.ip_address(text) == ip
    assert back == port


@pytest.mark.parametrize("wrong", ["", "1.2.3", "1.2.3.256", "::g", "localhost", "1.2.3.4 ", "é"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        text_to_addr(wrong)
