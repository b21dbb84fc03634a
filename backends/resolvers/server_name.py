"""A server whose address comes from a name: which of the records it takes, and what it says when that changes.

Source: manual 5.2 (resolve-prefer, resolve-net, resolve-opts) and what HAProxy was seen to print.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from ipaddress import ip_address

from backends import state
from backends.checks.report import NOTICE
from backends.life import Life, ServerLife
from backends.resolvers.message import AAAA, SRV, A, Record, Status
from backends.resolvers.nameserver import Channel
from backends.resolvers.resolution import Resolution
from backends.resolvers.section import Resolvers
from backends.sentences import said
from haproxy_py.config.keywords import server_names as words
from haproxy_py.config.keywords.server_names import Network
from haproxy_py.engine.shm import ServerSlot

WHY = {
    Status.NX: "DNS NX status", Status.TIMEOUT: "DNS timeout status", Status.REFUSED: "DNS refused status",
}  # fmt: skip
OTHER = "unspecified DNS error"
NO_IP = "No IP for server "
CACHE = "DNS cache"
ADDITIONAL = "DNS additional record"
FAMILY, NETWORK, UNUSED, SAME = 8, 4, 2, 1  # what is better about one of several addresses


def choose(
    records: Iterable[Record], current: str, attached: str, prefer: int, nets: Sequence[Network], taken: Container[str], duplicates: bool
) -> str | None:
    """The address to take, the best of several and the first of equals; None: there is none.

    Args: current: what the server has, attached: the record that it took ("": nothing). prefer: A or AAAA. taken: by other servers of the backend that have the
    same name; duplicates: such an address may be taken all the same.
    """
    best, most, enough = None, -1, FAMILY + UNUSED + NETWORK * bool(nets) + SAME * bool(current)
    for record in records:
        if record.kind == SRV or record.value in taken and not duplicates and record.value != attached:
            continue
        score = FAMILY * (record.kind == prefer) + UNUSED * (record.value not in taken) + SAME * (record.value == current)
        if any(ip_address(record.value) in net for net in nets):
            score += NETWORK
        if score > most:
            best, most = record.value, score
            if score >= enough:
                break
    return best


class Shares:
    """Which records the servers of one backend have taken, counted, so that many servers of one name cost no more than few."""

    def __init__(self) -> None:
        self._taken: dict[str, dict[str, int]] = {}  # by name in lower case: how many have each address
        self._barren: dict[str, int] = {}  # name: the answer of which nothing is left

    def change(self, before: tuple[str, str], after: tuple[str, str]) -> None:
        """A server has another name or record; an empty address is none."""
        name, host = before
        if host:
            taken = self._taken[name]
            taken[host] -= 1
            if not taken[host]:
                del taken[host]
            self._barren.pop(name, None)
        name, host = after
        if host:
            taken = self._taken.setdefault(name, {})
            taken[host] = taken.get(host, 0) + 1

    def others(self, name: str, own: str) -> Container[str]:
        """What other servers of the name have than one that has `own`."""
        taken = self._taken.get(name, {})
        return taken if taken.get(own, 0) != 1 else Others(taken, own)

    def is_barren(self, name: str, answers: int) -> bool:
        """Nothing is left for a server that has nothing."""
        return self._barren.get(name) == answers

    def set_barren(self, name: str, answers: int) -> None:
        """... until one gives its record back or another answer comes."""
        self._barren[name] = answers


class Others:
    """Addresses that are taken, but for one."""

    def __init__(self, taken: dict[str, int], own: str) -> None:
        self.taken, self.own = taken, own

    def __contains__(self, host: object) -> bool:
        return host != self.own and host in self.taken


class ServerName:
    """One server. shares: of its backend."""

    def __init__(self, one: ServerLife, section: Resolvers, life: Life, shares: Shares) -> None:
        self.one = one
        self.slot: ServerSlot = one.slot
        self.section = section
        self.life = life
        self.shares = shares
        self._held = ("", "")
        self.resolution: Resolution | None = None
        self.prefer = A if one.item[words.RESOLVE_PREFER] == "ipv4" else AAAA
        self.nets = one.item[words.RESOLVE_NET]
        self.duplicates = one.item[words.ALLOW_DUP_IP]
        self.record: tuple[str, int] | None = None  # target and port of the SRV record that it has
        self._attached = ""

    @property
    def fqdn(self) -> str:
        """Its name now, "" when it has none."""
        return state.fqdn(self.slot)

    @property
    def attached(self) -> str:
        """The record that its address came from, "": none; the runtime socket may have moved it elsewhere since."""
        return self._attached

    @attached.setter
    def attached(self, host: str) -> None:
        if host != self._attached:
            self._attached = host
            self._hold()

    def _hold(self) -> None:
        """Say what it has, of which name."""
        held = (self.fqdn.lower(), self._attached)
        if held != self._held:
            self.shares.change(self._held, held)
            self._held = held

    @property
    def by_hand(self) -> bool:
        """Its name was changed by the runtime socket."""
        told = (self.one.item.address.name or "").rstrip(".").lower()
        return self.fqdn.lower() != told and not words.is_srv(told)

    def _admin(self, on: int, off: int, **told: str) -> None:
        """In or out of maintenance; then it shows that its name is another one."""
        self.life.set_admin(self.slot, on | (state.HMAINT if self.by_hand else 0), off, **told)

    @property
    def title(self) -> str:
        """backend/server."""
        return f"{self.one.proxy.name}/{self.slot.name}"

    @property
    def waits(self) -> bool:
        """In maintenance for want of an address."""
        return bool(state.facts(self.slot)["admin"] & state.RMAINT)

    # --- the name

    def name(self, fqdn: str) -> None:
        """Take a name and have it resolved."""
        self.unlink()
        state.set_fqdn(self.slot, fqdn)
        self._attached = ""
        self._hold()
        self.resolution = self.section.link(self, fqdn, self.prefer)

    def unname(self) -> None:
        """Have no name."""
        self.unlink()
        state.set_fqdn(self.slot, "")
        self._hold()

    def unlink(self) -> None:
        """Keep the name, but have nobody ask for it."""
        if self.resolution is not None:
            self.section.unlink(self, self.resolution)
            self.resolution = None

    # --- what comes back

    def answered(self, found: Resolution, channel: Channel | None) -> None:
        """Take the best address."""
        where, _ = state.address(self.slot)
        wanted = self._choose(found, where)
        if wanted is None:
            self.lose(NO_IP)
            return
        by = f"{self.section.name}/{channel.name}" if channel is not None else CACHE
        if wanted != (self.attached if found.names(self.attached) else where) or not where:
            if channel is not None:
                channel.counters.add("update")
            self.move(wanted, by)
        self.attached = wanted
        self._back()

    def _choose(self, found: Resolution, where: str) -> str | None:
        """The address to take; at once in the usual cases: it has the best one, or there is nothing to have."""
        own, name = self.attached, self.fqdn.lower()
        others = self.shares.others(name, own)
        if not own and not self.duplicates and self.shares.is_barren(name, found.answers):
            return None
        named = found.names(own)
        if named == self.prefer and not self.nets and own not in others:
            return own
        wanted = choose(found.records.values(), own if named else where, own, self.prefer, self.nets, others, self.duplicates)
        if wanted is None and not self.duplicates:
            self.shares.set_barren(name, found.answers)
        return wanted

    def _back(self) -> None:
        """It has an address: out of maintenance."""
        if self.waits:
            self._admin(0, state.RMAINT, host=self.fqdn)
            backup = "Backup " if self.one.name.startswith("Backup ") else ""
            self.say(f"{backup}Server {self.title} administratively READY thanks to valid DNS answer")

    def failed(self, found: Resolution, status: Status) -> None:
        """A round without an answer: it counts once the last good answer is too old."""
        if not found.held(status):
            self.lose(WHY.get(status, OTHER))

    # --- the server

    def say(self, text: str) -> None:
        """A sentence about it."""
        self.life.speak(self.one, said(NOTICE, text))

    def move(self, host: str, by: str, port: int | None = None) -> None:
        """To a new address, its port as it is unless one is given."""
        where, at = state.address(self.slot)
        mapped, offset = (False, 0) if port is not None else state.port_map(self.slot)
        state.move(self.slot, host, at if port is None else port, mapped, offset)
        if self.life.follow:
            self.life.follow(self.slot)
        if where != host:
            self.say(f"{self.title} changed its IP from {where or '(none)'} to {host} by {by}")

    def lose(self, why: str) -> None:
        """No address any more."""
        if not self.waits:
            self._admin(state.RMAINT, 0, why=f" ({why})")
        where, port = state.address(self.slot)
        self.attached = ""
        if where:
            state.forget_address(self.slot, port)
            if self.life.follow:
                self.life.follow(self.slot)
