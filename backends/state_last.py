"""`init-addr last`: the addresses that servers had according to the state files (manual 5.2). Asked while a configuration is loaded.

Nothing is complained about here: backends.state_apply reads the same files again when the servers are there, and says what is wrong.
"""

from __future__ import annotations

from backends.state_apply import known_lines
from haproxy_py.config.model import Config
from haproxy_py.config.start_addresses import remember_by


@remember_by
def last_addresses(config: Config) -> dict[tuple[str, str], str]:
    """The text of the address by (backend, server), of those that had one."""
    lines = known_lines(config, lambda proxy: 0, lambda complaint: None)
    return {name: words[4] for name, words in lines.items() if words[4] != "-"}
