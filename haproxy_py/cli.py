"""The command `pyhaproxy`: everything HAProxy's command line can ask for (management manual 3), and `pyhaproxy top`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from haproxy_py.process import kernel, reexec
from haproxy_py.process.options import Options, UsageError, parse
from haproxy_py.process.output import Console, stdout
from haproxy_py.process.types import InstanceType, StartError


def main(words: Sequence[str] | None = None, instance_type: InstanceType | None = None) -> int:
    """Run the command line. instance_type: what to run, for tests. Returns: HAProxy's exit status.

    With PYHAPROXY_DEBUG in the environment an unforeseen exception keeps its traceback, for developers.
    """
    given = sys.argv[1:] if words is None else words
    if given[:1] in (["top"], ("top",)):
        from haproxy_py.top.command import main as top

        return top(given[1:])
    handover = reexec.take()
    kernel.set_name(b"haproxy")
    console = Console()
    try:
        return _run(given, console, handover, instance_type)
    except UsageError as wrong:
        return _usage(wrong, console)
    except StartError as wrong:
        for text in wrong.texts:
            console.alert(text)
    except KeyboardInterrupt:
        return 130
    except Exception as wrong:
        if os.environ.get("PYHAPROXY_DEBUG"):
            raise
        console.quiet = False
        console.alert(f"internal error: {type(wrong).__name__}: {wrong}")
    return 1


def _usage(wrong: UsageError, console: Console) -> int:
    from haproxy_py.process import about

    if wrong.usage:
        stdout(about.version_text())
    if wrong.text:
        console.alert(wrong.text)
    if wrong.usage:
        sys.stderr.write(about.usage_text())
    return 1


def _run(
    words: Sequence[str], console: Console, handover: reexec.Handover | None, instance_type: InstanceType | None
) -> int:
    options = parse(words)
    if options.version:
        from haproxy_py.process import about

        stdout(about.version_text() + (about.build_text() if options.version > 1 else ""))
        return 0
    console.quiet = options.quiet_with(False)
    if options.memory_help:
        from haproxy_py.process.memory_words import memory_help

        stdout(memory_help())
        return 0
    if options.condition is not None:
        return _condition(options.condition, console)
    return _start(options, console, handover, instance_type)


def _condition(text: str, console: Console) -> int:
    """-cc: 0 true, 1 false, 2 not understood."""
    from haproxy_py.config.conditions import ConditionError, check_condition

    try:
        return 0 if check_condition(text) else 1
    except ConditionError as wrong:
        console.alert(f"config : Failed to evaluate condition: {wrong}")
        return 2


def _start(
    options: Options, console: Console, handover: reexec.Handover | None, instance_type: InstanceType | None
) -> int:
    from haproxy_py.config.reader import nothing_in
    from haproxy_py.process.start import Program, program_name

    if handover is None and nothing_in([os.path.join(options.directory or "", path) for path in options.files]):
        raise UsageError()
    if instance_type is None:
        from haproxy_py.process.instance import Instance

        instance_type = Instance
    program = Program(options, console, program_name(), instance_type)
    return program.check() if options.check else program.run(handover)


def entry() -> None:
    """Console script."""
    sys.exit(main())
