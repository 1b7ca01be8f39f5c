# SPDX-License-Identifier: GPL-2.0-or-later
"""How a call ended: in one sentence, and what is known of a bugcheck."""

from __future__ import annotations

from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emu.campaign import CopyResult
from emu.cli.call_result import CallResult
from emu.cli.sections import section
from emu.cli.words import damage_words, describe_address, handler_of, landed_count, last_fault, last_landing
from emu.events import ExceptionRaised
from emu.nt.bugcheck import BUGCHECK_PARAMETERS, BugCheck, to_bugcheck
from emu.nt.status import describe_status
from emu.outcome import Bugchecked, Outcome, Raised, Returned, TimedOut, Unmodelled

GUARD: Final = "ntoskrnl!KiGuardedCall"
"""The frame around every call that the host makes."""


def verdict(result: CopyResult) -> Text:
    """Return the sentence, with its colour."""
    handled = isinstance(result.outcome, Raised)
    text = Text(summary(result), "bold green" if result.clean else "bold yellow" if handled else "bold red")
    text.append(f"; {landed_count(result)} landed", "not bold default")
    if damage := damage_words(result):
        text.append(f"; {damage}", "bold magenta")
    return text


def summary(result: CallResult) -> str:
    """Return how the call ended and, where that was an exception, who handled it."""
    outcome: Outcome = result.outcome
    locate = result.explanation.locate
    match outcome:
        case Returned(value):
            raised = [event for event in result.events if isinstance(event, ExceptionRaised)]
            if not raised:
                return "returned"
            return f"returned {value:#x} after {describe_status(raised[-1].code)}, {_handled(result)}"
        case Raised(record):
            text = f"raised {describe_status(record.code)}"
            if record.fault_address is not None:
                byte = describe_address(result, record.fault_address)
                text += f", {record.operation} of {byte or f'{record.fault_address:#x}'}"
            return f"{text}, {_handled(result)}"
        case Bugchecked(code, _):
            trap = last_fault(result)
            byte = describe_address(result, trap.address) if trap is not None else ""
            return f"bugcheck {bugcheck_name(code)}{f' at {byte}' if byte else ''}; the machine stopped"
        case TimedOut(budget, rip):
            return f"timed out: a budget of {budget:,} blocks was used up at {locate(rip)}; --budget gives it more"
        case Unmodelled(reason, rip):
            return f"not modelled: {reason}, at {locate(rip)}"


def _handled(result: CallResult) -> str:
    landing, handler = last_landing(result), handler_of(result)
    if landing is None:
        return "continued by a filter"
    if handler == GUARD:
        return "handled by the caller's __except"
    block = "the __except of " if result.explanation.is_except_block(landing) else ""
    return f"handled in {block}{handler}"


def bugcheck_name(code: int) -> str:
    """Return "0x50 PAGE_FAULT_IN_NONPAGED_AREA"."""
    known = to_bugcheck(code)
    return f"{code:#x} {known.name}" if isinstance(known, BugCheck) else f"{code:#x}"


def bugcheck_section(result: CallResult, outcome: Bugchecked) -> RenderableType:
    """Return what is known of a bugcheck: its parameters and, of an exception that nobody handled, why that is so."""
    return section("Bugcheck", bugcheck_name(outcome.code), _parameters(outcome), *_refusal(result, outcome))


def _refusal(result: CallResult, outcome: Bugchecked) -> list[Text]:
    if outcome.code != BugCheck.KMODE_EXCEPTION_NOT_HANDLED:
        return []
    return [Text(result.explanation.explain_refusal(result.events), "yellow")]


def _parameters(outcome: Bugchecked) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    known = to_bugcheck(outcome.code)
    meanings = BUGCHECK_PARAMETERS[known] if isinstance(known, BugCheck) else ()
    for number, value in enumerate(outcome.parameters):
        meaning = meanings[number].meaning if meanings else ""
        doubt = " (best estimate)" if meanings and meanings[number].doubtful else ""
        table.add_row(Text(f"P{number + 1}", "dim"), f"0x{value:016x}", f"{meaning}{doubt}")
    return table
