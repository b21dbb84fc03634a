"""What a server has answered to a health check, as it is (manual 7.3.5, 7.3.6)."""

from haproxy_py.rules.fetches.payload cimport Body, Length, LengthValue, Payload
from haproxy_py.rules.registry import fetch

_SOURCE = "manual 7.3.5"

fetch("res.len", type="sint", needs="chres", source=_SOURCE)(Length)
fetch("res.payload", args="sint sint", type="bin", needs="chres", source=_SOURCE)(Payload)
fetch("res.payload_lv", args="sint sint str?", type="bin", needs="chres", source=_SOURCE)(LengthValue)
fetch("res.body", type="bin", needs="chres", source="manual 7.3.6")(Body)
