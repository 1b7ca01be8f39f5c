# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a call's JSON that every verb has: `outcome`, `events` and `pages`, as emu/cli/copy_data.py has them."""

from __future__ import annotations

import re
from typing import Any

from emu.campaign import PageRow
from emu.cli.call_result import CallResult, place_of
from emu.cli.source_quote import quote
from emu.cli.words import handler_of, trap_name
from emu.cpu.trap import Vector, describe_error_code
from emu.events import Event, FrameSearched, TrapTaken
from emu.nt.bugcheck import BUGCHECK_PARAMETERS, BugCheck, to_bugcheck
from emu.nt.status import describe_status
from emu.outcome import Bugchecked, Raised, Returned, TimedOut, Unmodelled

_CODE_FIELDS = ("rip", "pc", "filter", "return_address", "caller")
_DATA_FIELDS = ("establisher", "handler", "guard", "address")


def outcome_data(result: CallResult) -> dict[str, Any]:
    """Return how the call ended; `text` is the caller's to add."""
    outcome = result.outcome
    locate = result.explanation.locate
    match outcome:
        case Returned(value):
            return {"kind": "returned", "value": hexadecimal(value)}
        case Raised(record):
            fault_address = record.fault_address
            return {
                "kind": "raised",
                "code": hexadecimal(record.code),
                "status": describe_status(record.code),
                "flags": record.flags,
                "exception_address": hexadecimal(record.exception_address),
                "information": [hexadecimal(value) for value in record.information],
                "fault_address": None if fault_address is None else hexadecimal(fault_address),
                "operation": record.operation,
                "byte": None if fault_address is None else _byte(result, fault_address),
                "handler": handler_of(result),
            }
        case Bugchecked(code, parameters):
            known = to_bugcheck(code)
            meanings = BUGCHECK_PARAMETERS[known] if isinstance(known, BugCheck) else (None,) * 4
            return {
                "kind": "bugchecked",
                "code": hexadecimal(code),
                "name": known.name if isinstance(known, BugCheck) else None,
                "refusal": result.explanation.explain_refusal(result.events)
                if known is BugCheck.KMODE_EXCEPTION_NOT_HANDLED
                else None,
                "parameters": [
                    {
                        "value": hexadecimal(value),
                        "meaning": meaning.meaning if meaning else None,
                        "doubtful": meaning.doubtful if meaning else True,
                    }
                    for value, meaning in zip(parameters, meanings, strict=True)
                ],
            }
        case TimedOut(budget, rip):
            return {"kind": "timed-out", "budget": budget, "rip": hexadecimal(rip), "at": locate(rip)}
        case Unmodelled(reason, rip):
            return {"kind": "unmodelled", "reason": reason, "rip": hexadecimal(rip), "at": locate(rip)}


def event_data(result: CallResult, event: Event) -> dict[str, Any]:
    """Return an event: its fields, and the names of what they point at."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()
    data: dict[str, Any] = {"event": name, **event._asdict()}
    explanation = result.explanation
    code_address = next((data[field] for field in _CODE_FIELDS if data.get(field) is not None), None)
    if name in ("finally-run", "landed", "exception-raised"):
        code_address = data["address"]
    if code_address is not None:
        data["at"] = explanation.locate(code_address)
    if data.get("handler") is not None:
        data["handler_name"] = explanation.handler_name(data["handler"])
    if isinstance(event, FrameSearched) and event.handler is not None:
        data["scopes"] = explanation.describe_scopes(event.pc) or None
    for field in (*_CODE_FIELDS, *_DATA_FIELDS):
        if data.get(field) is not None:
            data[field] = hexadecimal(data[field])
    for field in ("information", "parameters"):
        if field in data:
            data[field] = [hexadecimal(value) for value in data[field]]
    if "code" in data:
        data["code"] = hexadecimal(data["code"])
    if isinstance(event, TrapTaken):
        data |= _trap(result, event)
    return data


def _trap(result: CallResult, trap: TrapTaken) -> dict[str, Any]:
    quoted = quote(result, trap.rip)
    line = None
    if quoted is not None:
        text = dict(quoted.lines).get(quoted.line.line)
        line = {"file": quoted.line.file, "line": quoted.line.line, "text": text.strip() if text else None}
    page_fault = trap.vector == Vector.PAGE_FAULT
    return {
        "name": trap_name(trap.vector),
        "access": describe_error_code(trap.error_code) if page_fault else None,
        "byte": _byte(result, trap.address) if page_fault else None,
        "instruction": result.explanation.instruction(trap.rip),
        "source_line": line,
    }


def _byte(result: CallResult, address: int) -> dict[str, Any] | None:
    place = place_of(result, address)
    return None if place is None else {"buffer": place[0], "offset": place[1]}


def hexadecimal(value: int) -> str:
    """Return "0x2a"."""
    return f"{value:#x}"


def page_data(row: PageRow) -> dict[str, Any]:
    """Return a row of the mappings."""
    return {
        **{name: getattr(row, name) for name in ("buffer", "pages", "first", "last")},
        "address": hexadecimal(row.address),
        "before": row.before._asdict(),
        "after": row.after._asdict(),
    }
