# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a copy ended as it may, and which byte it touched that it must not have."""

from __future__ import annotations

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva
from emu.campaign.experiment.placement import SOURCE
from emu.campaign.judge.expectation import STEP, Ending, Expectation
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.cpu.trap import VECTOR_NAMES, Vector
from emu.events import DispatchFailed, ExceptionRaised, FaultStruck, TrapTaken
from emu.faults import BufferPlace
from emu.kernel.traps import DOUBLE_FAULT
from emu.nt.bugcheck import BugCheck, to_bugcheck
from emu.nt.status import describe_status
from emu.outcome import OPERATIONS, Bugchecked, ExceptionRecord, Raised, Returned, TimedOut, Unmodelled, make_record

_READ = 0
_PAGE_FAULT = int(Vector.PAGE_FAULT)
_USER_ACCESS_INCONSISTENT = 0xF
"""P4 of bugcheck 0x50: SMAP."""
_NEAR = 2 * PAGE_SIZE


def landing_bounds(observation: Observation, expectation: Expectation) -> tuple[int, int] | None:
    """Return how many bytes at least and at most must have landed before an exception or a bugcheck.

    None where no fault allows such an end.
    """
    bounds = None
    limit = observation.case.length if expectation.limit is None else expectation.limit
    for ending in expectation.endings:
        byte = _reported_byte(observation, ending)
        if byte is None or not ending.first <= byte <= ending.byte:
            continue
        if ending.certain:
            byte = most = ending.byte
        else:
            most = byte + STEP - 1
        most = min(most, limit)
        least = byte - STEP + 1 if byte >= STEP else 0
        bounds = (least, most) if bounds is None else (min(bounds[0], least), max(bounds[1], most))
    return bounds


def _reported_byte(observation: Observation, ending: Ending) -> int | None:
    """Return the byte of the ending's buffer that was reported; None where it ended in another way."""
    outcome = observation.outcome
    if type(outcome) is Raised:
        record = outcome.record
        information = record.information
        if ending.stops or record.code not in ending.codes or len(information) < 2 or information[0] != _READ:
            return None
        fault = ending.fault
        if fault is not None and fault.status is not None and information[2:3] != (fault.status,):
            return None
        return information[1] - observation.source_address
    if type(outcome) is Bugchecked and ending.stops and outcome.code in ending.codes:
        base = observation.source_address if ending.buffer == SOURCE else observation.target_address
        return outcome.parameters[3 if outcome.code == BugCheck.KERNEL_DATA_INPAGE_ERROR else 0] - base
    return None


def touched_outside(observation: Observation) -> TrapTaken | None:
    """Return the first page fault whose address lies in neither buffer."""
    length = observation.case.length
    source, target = observation.source_address, observation.target_address
    for event in observation.events:
        if type(event) is TrapTaken and event.vector == _PAGE_FAULT:
            address = event.address
            if not (source <= address < source + length or target <= address < target + length):
                return event
    return None


def describe_touch(observation: Observation, trap: TrapTaken) -> str:
    """Say which byte a page fault touched, and from where: `byte 64, behind the last one, was read at …`."""
    verb = "written" if trap.error_code & 2 else "executed" if trap.error_code & 16 else "read"
    name = name_byte(observation, trap.address)
    return f"{name}{',' if ',' in name else ''} was {verb} at {observation.locate(trap.rip)}"


def name_byte(observation: Observation, address: int) -> str:
    """Return `byte 5`, `byte 64, behind the last one`, or the address where neither buffer is near."""
    length = observation.case.length
    for base, name in ((observation.source_address, ""), (observation.target_address, " of the target")):
        at = address - base
        if 0 <= at < length:
            return f"byte {at}{name}"
        if length <= at < length + _NEAR:
            return f"byte {at}{name}, behind the last one"
        if -_NEAR < at < 0:
            return f"byte {at}{name}, before the first one"
    return f"address {address & ADDRESS_MASK:#x}"


def judge_ending(observation: Observation, expectation: Expectation) -> Verdict:
    """Say what is wrong with a way of ending that no fault allows."""
    outcome = observation.outcome
    must = _describe_must(observation, expectation)
    if isinstance(outcome, Bugchecked):
        return Verdict(VerdictClass.BUGCHECK, f"{_describe_bugcheck(observation, outcome)}{must}")
    if isinstance(outcome, TimedOut):
        where = observation.locate(outcome.rip)
        return Verdict(VerdictClass.TIMEOUT, f"it never ended: {outcome.budget} blocks were used up at {where}{must}")
    if isinstance(outcome, Unmodelled):
        return Verdict(VerdictClass.EMULATOR_ERROR, f"not modelled: {outcome.reason}, at {_at(observation, outcome)}")
    if isinstance(outcome, Returned):
        return Verdict(VerdictClass.WRONG_STATUS, f"it returned{_describe_swallowed(observation)}{must}")
    behind = _struck_behind(observation)
    if behind is not None:
        return Verdict(VerdictClass.WRONG_STATUS, f"{behind}; it raised {describe_status(outcome.record.code)}{must}")
    return Verdict(VerdictClass.WRONG_STATUS, f"{_describe_record(observation, outcome.record)}{must}")


def _struck_behind(observation: Observation) -> str | None:
    """Say from where a byte behind the last one was touched, for which a fault has waited."""
    waiting = {
        str(fault): fault.place
        for fault in observation.case.faults
        if isinstance(fault.place, BufferPlace) and fault.place.offset >= observation.case.length
    }
    for event in observation.events:
        if type(event) is FaultStruck and event.fault in waiting:
            place = waiting[event.fault]
            of = "" if place.buffer == SOURCE else " of the target"
            return f"byte {place.offset}{of}, behind the last one, was touched at {observation.locate(event.rip)}"
    return None


def was_swallowed(observation: Observation) -> bool:
    """Tell whether a copy returned although an exception was raised in it."""
    return any(type(event) is ExceptionRaised for event in observation.events)


def _at(observation: Observation, outcome: Unmodelled) -> str:
    return observation.locate(outcome.rip)


def _describe_must(observation: Observation, expectation: Expectation) -> str:
    """Return what was to happen instead, as the end of a sentence."""
    certain = next((ending for ending in expectation.endings if ending.certain), None)
    if certain is None:
        return "" if expectation.endings else "; it must return"
    of = "" if certain.buffer == SOURCE else " of the target"
    if certain.fault is None:
        return f"; byte {certain.byte}{of} is no user address and must raise {describe_status(certain.codes[0])}"
    code = certain.codes[0]
    what = f"stop with bugcheck {code:#x}" if certain.stops else f"raise {describe_status(code)}"
    return f"; {certain.fault} must {what} at byte {certain.byte}{of}"


def _describe_swallowed(observation: Observation) -> str:
    raised = [event for event in observation.events if type(event) is ExceptionRaised]
    if not raised:
        return " without an exception"
    first = raised[0]
    return (
        f", and swallowed {_name_exception(observation, make_record(first.code, 0, first.address, first.information))}"
    )


def _name_exception(observation: Observation, record: ExceptionRecord) -> str:
    text = describe_status(record.code)
    if record.fault_address is not None:
        operation = OPERATIONS.get(record.information[0], "touch")
        text += f" of the {operation} of {name_byte(observation, record.fault_address)}"
    return f"{text} at {observation.locate(record.exception_address)}"


def _describe_record(observation: Observation, record: ExceptionRecord) -> str:
    trap = touched_outside(observation)
    if trap is None:
        return f"it raised {_name_exception(observation, record)}"
    touch = describe_touch(observation, trap)
    if record.fault_address == trap.address:
        return f"{touch}: it raised {describe_status(record.code)}"
    return f"{touch}: it raised {_name_exception(observation, record)}"


def _describe_bugcheck(observation: Observation, outcome: Bugchecked) -> str:
    code, parameters = outcome.code, outcome.parameters
    known = to_bugcheck(code)
    text = f"bugcheck {code:#x}" + (f" {known.name}" if isinstance(known, BugCheck) else "")
    events = observation.events
    trap = next((event for event in reversed(events) if type(event) is TrapTaken), None)
    if code == BugCheck.PAGE_FAULT_IN_NONPAGED_AREA and parameters[3] == _USER_ACCESS_INCONSISTENT:
        where = observation.locate(Gva(parameters[2]))
        return f"{text}: {name_byte(observation, parameters[0])} was touched with AC clear (SMAP) at {where}"
    if code == BugCheck.UNEXPECTED_KERNEL_MODE_TRAP and parameters[0] == DOUBLE_FAULT:
        where = observation.locate(Gva(parameters[3]))
        return f"{text}: no kernel stack for the fault of {name_byte(observation, parameters[2])} at {where}"
    if code == BugCheck.KMODE_EXCEPTION_NOT_HANDLED:
        raised = next((event for event in reversed(events) if type(event) is ExceptionRaised), None)
        if raised is not None:
            record = make_record(raised.code, 0, raised.address, raised.information)
            text += f": nobody took {_name_exception(observation, record)}"
        failed = next((event for event in reversed(events) if type(event) is DispatchFailed), None)
        if failed is not None:
            text += f"; the unwind ended at {observation.locate(failed.pc)}: {failed.reason}"
        return text
    if trap is not None and trap.vector == Vector.PAGE_FAULT:
        return f"{text}: {describe_touch(observation, trap)}"
    if trap is not None:
        name = VECTOR_NAMES.get(trap.vector, f"interrupt {trap.vector:#x}")
        return f"{text}: {name} at {observation.locate(trap.rip)}"
    return text
