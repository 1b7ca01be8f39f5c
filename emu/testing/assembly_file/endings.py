# SPDX-License-Identifier: GPL-2.0-or-later
"""The directives that say how a call ends."""

from __future__ import annotations

from typing import Final

from emu.nt.bugcheck import BugCheck
from emu.testing.assembly_file.model import Bugchecks, Number, Raises, Returns, Value
from emu.testing.assembly_file.scanner import NAME, Scanner, nearest
from emu.testing.assembly_file.scope import Scope

OPERATIONS: Final = {"reading": "read", "writing": "write", "executing": "execute"}
WIDTHS: Final = {"rax": 8, "eax": 4, "ax": 2, "al": 1}
"""The parts of RAX, and how many bytes they have."""

_BUGCHECKS: Final = {code.name: int(code) for code in BugCheck}


def scan_returns(scanner: Scanner, scope: Scope) -> Returns:
    """Read how a call is expected to return."""
    if scanner.at_end:
        return Returns(None)
    status = scanner.try_status()
    if status is not None:
        scanner.end()
        return Returns(Number(status), WIDTHS["eax"])
    value = scope.value(scanner, "a number, a STATUS, or a buffer with its offset")
    width = WIDTHS["rax"]
    if scanner.skip("in"):
        width = WIDTHS[scanner.choice("a register", WIDTHS)]
        if isinstance(value, Number) and not -(1 << (8 * width - 1)) <= value.value < 1 << (8 * width):
            scanner.fail_whole(f"the register has {8 * width} bits")
    scanner.end("`in`")
    return Returns(value, width)


def scan_raises(scanner: Scanner, scope: Scope) -> Raises:
    """Read which exception is expected."""
    code = scanner.status()
    operation, fault_place, reason, at = "", None, None, None
    for word, name in OPERATIONS.items():
        if scanner.skip(word):
            operation, fault_place = name, scope.value(scanner)
            break
    if scanner.skip("because"):
        reason = scanner.status()
    if scanner.skip("at"):
        at = scope.value(scanner)
    scanner.end(", ".join(f"`{word}`" for word in (*OPERATIONS, "because", "at")))
    return Raises(code, operation, fault_place, reason, at)


def scan_bugchecks(scanner: Scanner, scope: Scope) -> Bugchecks:
    """Read which bugcheck is expected."""
    start = scanner.at
    found = scanner.match(NAME)
    if found is None:
        code = scanner.number("a bugcheck code, as 0x50 or PAGE_FAULT_IN_NONPAGED_AREA,", 0, 0xFFFF_FFFF)
    elif found[0] in _BUGCHECKS:
        code = _BUGCHECKS[found[0]]
    else:
        scanner.at = start
        scanner.fail(f"unknown bugcheck{nearest(found[0], _BUGCHECKS)}; any other is given as a number, 0x50")
    parameters: list[Value | None] = []
    if scanner.skip("("):
        while True:
            parameters.append(None if scanner.skip("_") else scope.value(scanner, "a parameter, or _ for any,"))
            if not scanner.skip(","):
                break
        if not scanner.skip(")"):
            scanner.fail("`,` or `)` is allowed here")
        if len(parameters) > 4:
            scanner.fail_whole("a bugcheck has four parameters")
        scanner.end()
    scanner.end("`(`")
    return Bugchecks(code, tuple(parameters))
