# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks language handlers and their scope tables."""

from __future__ import annotations

from emu.checks.unwind_data.finding import Rule
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.prologue import Report
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope


def check_handler(functions: ImageFunctions, function: Function, report: Report) -> None:
    """Report a handler that is no code, and scopes that cannot be this function's."""
    assert function.chain is not None
    handler = function.chain.info.handler_rva
    if handler is None:
        return
    if not functions.is_code(handler):
        report(Rule.HANDLER, None, f"the language handler is 0x{handler:x}, which is not in executable code", ())
        return
    inside = functions.find(handler)
    if inside is not None and inside.entry.begin != handler:
        report(Rule.HANDLER, None, f"the language handler is {functions.name_of(handler)}, inside a function", ())
        return
    data = function.language_data
    if data is None:
        return
    if data.error:
        report(Rule.SCOPE, None, data.error, ())
    for number, scope in enumerate(data.scopes or ()):
        for message in _mistakes(functions, function, scope):
            report(Rule.SCOPE, None, f"scope {number}, 0x{scope.begin:x}..0x{scope.end:x}: {message}", ())


def _mistakes(functions: ImageFunctions, function: Function, scope: Scope) -> list[str]:
    found = []
    # One that is empty is harmless, and clang leaves it where it finds that nothing in a __try can fault.
    if scope.begin > scope.end:
        found.append("it ends before it begins")
    elif scope.begin < scope.end and not _is_covered(functions, function, scope.begin, scope.end):
        found.append(f"it is not all inside of {_extent(functions, function)}")
    assert function.chain is not None
    body = function.entry.begin + function.chain.info.size_of_prolog
    if function.entry.begin < scope.begin < body:
        found.append(
            f"it begins in the prologue, which ends at 0x{body:x}: no handler is called for an exception there"
        )
    what = "filter" if scope.target else "__finally block"
    if scope.target and scope.handler == EXECUTE_HANDLER:
        pass
    elif not functions.is_code(scope.handler):
        found.append(f"its {what} is 0x{scope.handler:x}, which is not in executable code")
    else:
        inside = functions.find(scope.handler)
        if inside is not None and inside.entry.begin != scope.handler:
            found.append(f"its {what} is {functions.name_of(scope.handler)}, inside a function")
    if scope.target and not _is_covered(functions, function, scope.target, scope.target + 1):
        found.append(f"its target is 0x{scope.target:x}, which is not inside of {_extent(functions, function)}")
    return found


def _is_covered(functions: ImageFunctions, function: Function, begin: int, end: int) -> bool:
    """Tell whether all of a range lies in parts of the function, with at most padding between them."""
    parts = [part.entry for part in functions.parts_of(function)]
    return any(part.begin <= begin < part.end for part in parts) and any(part.begin < end <= part.end for part in parts)


def _extent(functions: ImageFunctions, function: Function) -> str:
    parts = [part.entry for part in functions.parts_of(function)]
    return f"{function.name}, " + " and ".join(f"0x{part.begin:x}..0x{part.end:x}" for part in parts)
