"""Commands about the connection itself: prompt, levels, modes, severities, time limit (management manual 9.3)."""

from __future__ import annotations

from haproxy_py.config.units import UnitError, parse_time
from haproxy_py.runtime.call import MODES, Call
from haproxy_py.runtime.registry import Answer, Level, command

PROMPT_HELP = (
    "prompt [help | n | i | p | timed]*\n"
    "  help : this text\n"
    "  n    : non-interactive mode: the connection ends with the current line\n"
    "  i    : interactive mode without a prompt\n"
    "  p    : interactive mode with a prompt\n"
    "  timed: toggle the uptime in the prompt\n"
    "Without an argument, the prompt is switched on or off.\n"
)


@command("prompt", "prompt [help | n | i | p | timed]*", "configure/toggle prompt mode", master=True)
def prompt(call: Call) -> str | None:
    """Interactive or not, with or without a prompt, the uptime in it."""
    client = call.client
    if not call.args or call.args == ["timed"]:
        client.timed = bool(call.args) and not (client.prompt and client.timed)
        if call.args and client.prompt:
            return None
        client.prompt = not client.prompt
        client.interactive = client.prompt
        return None
    for word in call.args:
        if word == "timed":
            client.timed = not client.timed
        elif word in ("n", "i", "p"):
            client.prompt, client.interactive = word == "p", word != "n"
        else:
            return PROMPT_HELP
    return None


@command("quit", "quit", "disconnect", master=True)
def leave(call: Call) -> None:
    """End the connection, whatever follows."""
    call.client.closing = True


@command("show cli level", "show cli level", "display the level of the current CLI session", master=True)
def show_level(call: Call) -> str:
    """user, operator or admin."""
    return call.client.level.word + "\n"


@command("operator", "operator", "lower the level of the current CLI session to operator", level=Level.OPERATOR, master=True)
def become_operator(call: Call) -> None:
    """There is no way back up."""
    call.client.level = min(call.client.level, Level.OPERATOR)


@command("user", "user", "lower the level of the current CLI session to user", master=True)
def become_user(call: Call) -> None:
    """There is no way back up."""
    call.client.level = Level.USER


@command("expert-mode", level=Level.ADMIN, master=True)
def expert_mode(call: Call) -> str | None:
    """`expert-mode [on|off]`."""
    if not call.args:
        return f"expert-mode is {'ON' if call.client.expert else 'OFF'}\n"
    call.client.expert = call.arg(0) == "on"
    return None


@command("experimental-mode", level=Level.ADMIN, master=True)
def experimental_mode(call: Call) -> str | None:
    """`experimental-mode [on|off]`."""
    if not call.args:
        return f"experimental-mode is {'ON' if call.client.experimental else 'OFF'}\n"
    call.client.experimental = call.arg(0) == "on"
    return None


@command(
    "set severity-output",
    "set severity-output [none|number|string]",
    "set presence of severity level in feedback information",
)
def set_severity(call: Call) -> None:
    """How messages begin on this connection."""
    if call.arg(0) not in MODES:
        raise Answer("one of 'none', 'number', 'string' is a required argument\n")
    call.client.severity = call.arg(0)


@command("set timeout", "set timeout [cli] <delay>", "change a timeout setting")
def set_timeout(call: Call) -> None:
    """`set timeout cli DELAY`: idle time of this connection; seconds without a unit."""
    if call.arg(0) != "cli":
        raise Answer("'set timeout' only supports 'cli'.\n")
    if not call.arg(1):
        raise Answer("Expects an integer value.\n")
    try:
        value = parse_time(call.arg(1), "s") if call.arg(1).isascii() and call.arg(1)[-1:].isdigit() else parse_time(call.arg(1), "ms") / 1000
    except UnitError:
        value = 0
    if value <= 0:
        raise Answer("Invalid timeout value.\n")
    call.client.timeout_ms = max(1, int(value * 1000))


@command("echo", "echo [<text>]", "print text", master=True)
def echo(call: Call) -> str:
    """The words again."""
    return " ".join(call.args) + "\n"
