# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy as JSON: `emu copy --json` and `emu replay --json`.

The keys are stable. Addresses and what may be one are strings in hexadecimal (JSON's numbers end at 53 bits), bytes are
strings of hexadecimal digits.

    replay       the replay id
    clean        whether the exit status is 0
    experiment   routine length source_offset target_offset profile data irql budget images faults notes
    outcome      kind: returned raised bugchecked timed-out unmodelled; text: one sentence, and by kind
                 returned    value
                 raised      code status flags exception_address information fault_address operation byte handler
                 bugchecked  code name parameters [{value, meaning, doubtful}]
                 timed-out   budget rip at
                 unmodelled  reason rip at
    source       address, before, after
    target       address, after, landed, prefix, complete, runs [{first, length, fate: landed untouched wrong}],
                 poison_damage: offsets outside the target that were written
    pages        [{buffer, address, pages, first, last, before {user, protection, state}, after {…}}]
    events       [{event, …}]: the fields of emu/events.py by their names there, with `at` where there is an address of
                 code, `handler_name` where there is a handler; a trap also has name, access, byte {buffer, offset},
                 instruction and source_line {file, line, text}
"""

from __future__ import annotations

import re
from typing import Any

from emu.campaign import CopyResult, format_replay_id
from emu.cli.source_quote import quote
from emu.cli.verdict import summary
from emu.cli.words import handler_of, trap_name
from emu.cpu.trap import Vector, describe_error_code
from emu.events import Event, TrapTaken
from emu.nt.bugcheck import BUGCHECK_PARAMETERS, BugCheck, to_bugcheck
from emu.nt.status import describe_status
from emu.outcome import Bugchecked, Raised, Returned, TimedOut, Unmodelled

_CODE_FIELDS = ("rip", "pc", "filter", "return_address", "caller")
_DATA_FIELDS = ("establisher", "handler", "guard", "address")


def copy_data(result: CopyResult) -> dict[str, Any]:
    """Return everything that the display shows."""
    experiment, landing = result.experiment, result.landing
    return {
        "replay": format_replay_id(experiment),
        "clean": result.clean,
        "experiment": {
            "routine": experiment.routine,
            "length": experiment.length,
            "source_offset": experiment.source_offset,
            "target_offset": experiment.target_offset,
            "profile": str(experiment.profile),
            "data": str(experiment.data),
            "irql": experiment.irql,
            "budget": experiment.budget,
            "images": list(experiment.images),
            "faults": [str(fault) for fault in experiment.faults],
            "notes": list(experiment.notes),
        },
        "outcome": {**_outcome(result), "text": summary(result)},
        "source": {
            "address": _hex(result.source_address),
            "before": result.content.hex(),
            "after": result.source.hex(),
        },
        "target": {
            "address": _hex(result.target_address),
            "after": result.target.hex(),
            "landed": landing.count("landed"),
            "prefix": landing.prefix,
            "complete": landing.complete,
            "runs": [run._asdict() for run in landing.runs],
            "poison_damage": list(landing.damage),
        },
        "pages": [
            {
                **{name: getattr(row, name) for name in ("buffer", "pages", "first", "last")},
                "address": _hex(row.address),
                "before": row.before._asdict(),
                "after": row.after._asdict(),
            }
            for row in result.pages
        ],
        "events": [_event(result, event) for event in result.events],
    }


def _outcome(result: CopyResult) -> dict[str, Any]:
    outcome = result.outcome
    locate = result.explanation.locate
    match outcome:
        case Returned(value):
            return {"kind": "returned", "value": _hex(value)}
        case Raised(record):
            fault_address = record.fault_address
            return {
                "kind": "raised",
                "code": _hex(record.code),
                "status": describe_status(record.code),
                "flags": record.flags,
                "exception_address": _hex(record.exception_address),
                "information": [_hex(value) for value in record.information],
                "fault_address": None if fault_address is None else _hex(fault_address),
                "operation": record.operation,
                "byte": None if fault_address is None else _byte(result, fault_address),
                "handler": handler_of(result),
            }
        case Bugchecked(code, parameters):
            known = to_bugcheck(code)
            meanings = BUGCHECK_PARAMETERS[known] if isinstance(known, BugCheck) else (None,) * 4
            return {
                "kind": "bugchecked",
                "code": _hex(code),
                "name": known.name if isinstance(known, BugCheck) else None,
                "parameters": [
                    {
                        "value": _hex(value),
                        "meaning": meaning.meaning if meaning else None,
                        "doubtful": meaning.doubtful if meaning else True,
                    }
                    for value, meaning in zip(parameters, meanings, strict=True)
                ],
            }
        case TimedOut(budget, rip):
            return {"kind": "timed-out", "budget": budget, "rip": _hex(rip), "at": locate(rip)}
        case Unmodelled(reason, rip):
            return {"kind": "unmodelled", "reason": reason, "rip": _hex(rip), "at": locate(rip)}


def _event(result: CopyResult, event: Event) -> dict[str, Any]:
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
    for field in (*_CODE_FIELDS, *_DATA_FIELDS):
        if data.get(field) is not None:
            data[field] = _hex(data[field])
    for field in ("information", "parameters"):
        if field in data:
            data[field] = [_hex(value) for value in data[field]]
    if "code" in data:
        data["code"] = _hex(data["code"])
    if isinstance(event, TrapTaken):
        data |= _trap(result, event)
    return data


def _trap(result: CopyResult, trap: TrapTaken) -> dict[str, Any]:
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


def _byte(result: CopyResult, address: int) -> dict[str, Any] | None:
    place = result.place_of(address)
    return None if place is None else {"buffer": place[0], "offset": place[1]}


def _hex(value: int) -> str:
    return f"{value:#x}"
