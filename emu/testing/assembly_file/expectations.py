# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what a call did with what is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from emu.address import Gva
from emu.events import DebugPrinted, Event, ExportCalled
from emu.nt.bugcheck import describe_bugcheck
from emu.nt.status import describe_status
from emu.outcome import Bugchecked, Outcome, Raised, Returned, TimedOut
from emu.testing.assembly_file.content import resolve
from emu.testing.assembly_file.differences import describe_difference
from emu.testing.assembly_file.endings import WIDTHS
from emu.testing.assembly_file.model import (
    Bugchecks,
    Ending,
    Expectation,
    Exports,
    Holds,
    LeaksNothing,
    NeverCalls,
    Number,
    Place,
    Prints,
    Raises,
    Returns,
    Slice,
    TimesOut,
    Unchanged,
    Value,
)

_REGISTERS = {width: name for name, width in WIDTHS.items()}


@dataclass(frozen=True, slots=True)
class Happened:
    """What a call did. Buffers are by their name, as they were before it and as they are."""

    outcome: Outcome
    events: tuple[Event, ...]
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    leaked: tuple[str, ...]
    """Pool blocks that are left, described."""
    address_of: Callable[[Value], int]
    locate: Callable[[Gva], str]


def mistakes_in(happened: Happened, expectation: Expectation) -> list[str]:
    """Return what is not as it is expected to be, in lines; none where all is well."""
    match expectation:
        case Returns() | Raises() | Bugchecks() | TimesOut():
            return _ending(happened, expectation)
        case Holds(where, content):
            expected = resolve(content, happened.before, happened.address_of)
            return _memory(happened, where, expected)
        case Unchanged(where):
            return _memory(happened, where, happened.before[where.buffer][where.begin : where.end])
        case NeverCalls(name):
            times = sum(isinstance(event, ExportCalled) and event.name == name for event in happened.events)
            return [f"it called {name} {'once' if times == 1 else f'{times} times'}"] if times else []
        case LeaksNothing():
            return [f"left allocated: {block}" for block in happened.leaked]
        case Exports() | Prints():
            return []  # they are looked at together, in their order


def out_of_order(happened: Happened, expected: Iterable[Exports | Prints]) -> tuple[Exports | Prints, list[str]] | None:
    """Return the first of the calls of exports, or of the texts, that did not come where it had to."""
    at = {Exports: 0, Prints: 0}
    for expectation in expected:
        kind = type(expectation)
        found = _next(happened.events, at[kind], expectation)
        if found is None:
            return expectation, _what_came(happened.events, at[kind], expectation)
        at[kind] = found + 1
    return None


def _next(events: tuple[Event, ...], begin: int, expected: Exports | Prints) -> int | None:
    for number in range(begin, len(events)):
        event = events[number]
        if isinstance(expected, Exports):
            if isinstance(event, ExportCalled) and event.name == expected.name:
                return number
        elif isinstance(event, DebugPrinted) and expected.text in event.text:
            return number
    return None


def _what_came(events: tuple[Event, ...], begin: int, expected: Exports | Prints) -> list[str]:
    def named(some: Iterable[Event]) -> str:
        if isinstance(expected, Exports):
            names = [event.name for event in some if isinstance(event, ExportCalled)]
        else:
            names = [repr(event.text) for event in some if isinstance(event, DebugPrinted)]
        return ", ".join(names) or "nothing"

    verb = "called" if isinstance(expected, Exports) else "printed"
    if begin == 0:
        return [f"it {verb} {named(events)}"]
    return [f"up to the line before it {verb} {named(events[:begin])}", f"and behind that {named(events[begin:])}"]


def _memory(happened: Happened, where: Slice, expected: bytes) -> list[str]:
    found, before = (content[where.buffer][where.begin : where.end] for content in (happened.after, happened.before))
    if found == expected:
        return []
    return describe_difference(where.buffer, where.begin, expected, found, before)


def _ending(happened: Happened, expected: Ending) -> list[str]:
    outcome = happened.outcome
    match expected, outcome:
        case Returns(), Returned(value):
            wrong = _value_differs(happened, expected, value)
        case Raises(), Raised():
            wrong = _exception_differs(happened, expected, outcome)
        case Bugchecks(), Bugchecked():
            wrong = _bugcheck_differs(happened, expected, outcome)
        case TimesOut(), TimedOut():
            wrong = False
        case _:
            wrong = True
    if not wrong:
        return []
    expected_text = f"expected  {_describe_expected(happened, expected)}"
    return [expected_text, f"found     {_describe(happened, outcome)}"]


def _value_differs(happened: Happened, expected: Returns, value: int) -> bool:
    if expected.value is None:
        return False
    return (happened.address_of(expected.value) ^ value) & ((1 << 8 * expected.width) - 1) != 0


def _exception_differs(happened: Happened, expected: Raises, outcome: Raised) -> bool:
    record = outcome.record
    if record.code != expected.code:
        return True
    if expected.fault_place is not None and (
        record.operation != expected.operation or record.fault_address != _address(happened, expected.fault_place)
    ):
        return True
    if expected.reason is not None and record.information[2:3] != (expected.reason,):
        return True
    return expected.at is not None and record.exception_address != _address(happened, expected.at)


def _bugcheck_differs(happened: Happened, expected: Bugchecks, outcome: Bugchecked) -> bool:
    if outcome.code != expected.code:
        return True
    pairs = zip(expected.parameters, outcome.parameters, strict=False)
    return any(value is not None and _address(happened, value) != found for value, found in pairs)


def _address(happened: Happened, value: Value) -> int:
    return happened.address_of(value) & ((1 << 64) - 1)


def _describe_expected(happened: Happened, expected: Ending) -> str:
    match expected:
        case Returns(value, width):
            if value is None:
                return "it returned"
            shown = _describe_value(happened, value, width)
            return f"returned {shown}" if width == WIDTHS["rax"] else f"returned {shown} in {_REGISTERS[width]}"
        case Raises(code, operation, fault_place, reason, at):
            text = f"raised {describe_status(code)}"
            if fault_place is not None:
                text += f", {operation} of {_describe_value(happened, fault_place)}"
            if reason is not None:
                text += f", because of {describe_status(reason)}"
            return text if at is None else f"{text}, at {_describe_value(happened, at)}"
        case Bugchecks(code, parameters):
            named = _bugcheck_name(code)
            if not parameters:
                return f"bugchecked: {named}"
            shown = ", ".join("_" if value is None else _describe_value(happened, value) for value in parameters)
            return f"bugchecked: {named} ({shown})"
        case TimesOut():
            return "timed out"


def _describe_value(happened: Happened, value: Value, width: int = 8) -> str:
    address = happened.address_of(value) & ((1 << 8 * width) - 1)
    match value:
        case Place(name, offset):
            return f"{name}{offset:+d} ({address:#x})" if offset else f"{name} ({address:#x})"
        case Number():
            return describe_status(address) if width == WIDTHS["eax"] else f"{address:#x}"


def _describe(happened: Happened, outcome: Outcome) -> str:
    """Return how a call ended, with places by their names."""
    match outcome:
        case Raised(record):
            text = f"raised {describe_status(record.code)}"
            if record.fault_address is not None:
                text += f", {record.operation} of {_located(happened, record.fault_address)}"
                if len(record.information) > 2:
                    text += f", because of {describe_status(record.information[2])}"
            return f"{text}, at {_located(happened, record.exception_address)}"
        case Bugchecked(code, parameters):
            return (
                f"bugchecked: {_bugcheck_name(code)} ({', '.join(_located(happened, value) for value in parameters)})"
            )
        case _:
            return outcome.headline


def _bugcheck_name(code: int) -> str:
    return describe_bugcheck(code, (0, 0, 0, 0)).splitlines()[0]


def _located(happened: Happened, address: int) -> str:
    place, number = happened.locate(Gva(address)), f"{address:#x}"
    return place if place == number else f"{place} ({number})"
