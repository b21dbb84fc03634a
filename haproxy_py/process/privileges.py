"""Giving up privileges, in HAProxy's order: chroot, group, user (manual 3.1). Every refusal ends the start."""

from __future__ import annotations

import os

from haproxy_py.process import kernel
from haproxy_py.process.output import Console
from haproxy_py.process.settings import Settings
from haproxy_py.process.types import StartError


def _groups(settings: Settings, console: Console, program: str) -> None:
    """Drop supplementary groups, then change the group."""
    if settings.gid is None:
        return
    if os.getgroups():
        try:
            os.setgroups([])
        except OSError:
            console.warning(
                f"[{program}.main()] Failed to drop supplementary groups. "
                "Using 'gid'/'group' without 'uid'/'user' is generally useless."
            )
    try:
        os.setgid(settings.gid)
    except OSError:
        raise StartError(f"[{program}.main()] Cannot set gid {settings.gid}.") from None


def drop(settings: Settings, console: Console, program: str) -> None:
    """Enter the jail and become the configured group and user. Raises: StartError."""
    if settings.chroot:
        try:
            os.chroot(settings.chroot)
            os.chdir("/")
        except OSError:
            raise StartError(f"[{program}.main()] Cannot chroot({settings.chroot}).") from None
    _groups(settings, console, program)
    if settings.uid is not None:
        kernel.keep_capabilities(settings.capabilities != 0)
        try:
            os.setuid(settings.uid)
        except OSError:
            raise StartError(f"[{program}.main()] Cannot set uid {settings.uid}.") from None
    if settings.capabilities and os.getuid():
        _keep(settings.capabilities, program)


def _keep(mask: int, program: str) -> None:
    """`setcap`: of root's capabilities only these are left."""
    try:
        kernel.set_capabilities(mask)
    except OSError as wrong:
        raise StartError(f"[{program}.main()] Cannot keep the capabilities of 'setcap': {wrong.strerror}.") from None


def warn_of_a_root_jail(settings: Settings, console: Console, program: str) -> None:
    """A jail that root can leave protects nothing: HAProxy's hint."""
    if settings.chroot and not (settings.uid or os.getuid()):
        console.warning(
            f"[{program}.main()] chroot is used without 'user'/'uid': the process keeps root's rights and can leave the jail."
        )
