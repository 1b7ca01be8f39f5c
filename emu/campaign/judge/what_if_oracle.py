# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of what-if sweeps: it holds a call in which something failed against the one in which nothing did.

A failure may end the call as it likes, as long as its caller can tell and nothing is left behind. Of several mistakes
the worst names the class: a bugcheck, a timeout, what the emulator cannot run, an exception that must not leave the
routine, partial data, and last a state that leaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from emu.address import PAGE_SIZE, Gva
from emu.campaign.judge.call_observation import ArgumentNote, BlockNote, CallObservation
from emu.campaign.judge.judged_state import describe_state, is_kept
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.judge.what_if_locks import held_locks
from emu.cpu.trap import VECTOR_NAMES, Vector
from emu.events import BugcheckRaised, ExceptionRaised, ExportCalled, FaultStruck, TrapTaken
from emu.faults.fault import IN_PAGE_ERROR, NO_MEMORY
from emu.kernel.pool import format_tag
from emu.nt.bugcheck import BugCheck, to_bugcheck
from emu.nt.status import NtStatus, describe_status
from emu.outcome import Bugchecked, ExceptionRecord, Raised, Returned, TimedOut, Unmodelled, make_record

_RAISED: Final = {
    "none": (NtStatus.ACCESS_VIOLATION,),
    "unmapped": (NtStatus.ACCESS_VIOLATION,),
    "guard": (NtStatus.GUARD_PAGE_VIOLATION,),
    IN_PAGE_ERROR: (NtStatus.IN_PAGE_ERROR,),
    NO_MEMORY: (NtStatus.INSUFFICIENT_RESOURCES, NtStatus.NO_MEMORY),
}
"""What a failure raises, or what code raises that is told of one."""

_ERROR: Final = 0xC000_0000
"""The severity of an NTSTATUS that is an error, in its two highest bits."""


def judge_what_if(seen: CallObservation, clean: CallObservation, *, must_return: bool = False) -> Verdict:
    """Judge a call in which something failed, or the clean one itself, by the clean one.

    `must_return` forbids every exception that the clean call does not raise.
    """
    verdict = _judge_ending(seen, clean, must_return)
    if verdict is None and (partial := _describe_partial(seen, clean)):
        verdict = Verdict(VerdictClass.WRONG_DATA, partial)
    if verdict is None and (leak := ", ".join(_leaks(seen, clean))):
        verdict = Verdict(VerdictClass.STATE_LEAK, leak)
    struck = [event for event in seen.events if type(event) is FaultStruck]
    if verdict is None:
        if seen.faults and not struck:
            return Verdict(VerdictClass.MASKED, f"{' and '.join(map(str, seen.faults))} never struck")
        return CORRECT
    where = " and ".join(f"{fault} at {_place(seen, fault, rip)}" for fault, rip in struck)
    return verdict._replace(detail=f"{verdict.detail}; after {where}") if where else verdict


def _place(seen: CallObservation, fault: str, rip: Gva) -> str:
    # An allocation's fault strikes where its call returns to.
    return seen.locate_call(rip) if fault.startswith(NO_MEMORY) else seen.locate(rip)


def _judge_ending(seen: CallObservation, clean: CallObservation, must_return: bool) -> Verdict | None:
    outcome = seen.outcome
    if type(outcome) is Returned:
        return None
    if type(outcome) is Bugchecked:
        return Verdict(VerdictClass.BUGCHECK, _describe_bugcheck(seen, outcome))
    if type(outcome) is TimedOut:
        where = seen.locate(outcome.rip)
        return Verdict(VerdictClass.TIMEOUT, f"it never ended: {outcome.budget:,} blocks were used up at {where}")
    if type(outcome) is Unmodelled:
        return Verdict(VerdictClass.EMULATOR_ERROR, f"not modelled: {outcome.reason}, at {seen.locate(outcome.rip)}")
    assert type(outcome) is Raised
    record = outcome.record
    if seen is clean or (type(clean.outcome) is Raised and clean.outcome.record.code == record.code):
        return None
    if must_return:
        return Verdict(VerdictClass.WRONG_STATUS, f"it raised {_name_exception(seen, record)}; it must return")
    if not _is_injected(seen, record):
        return Verdict(
            VerdictClass.WRONG_STATUS, f"it raised {_name_exception(seen, record)}, which is not what failed"
        )
    return None


def _is_injected(seen: CallObservation, record: ExceptionRecord) -> bool:
    """Tell whether an exception is that of a failure: its status and, where an address is told, its page."""
    struck = {event.fault for event in seen.events if type(event) is FaultStruck}
    for fault, page in zip(seen.faults, seen.pages, strict=True):
        if str(fault) not in struck or record.code not in (*_RAISED.get(fault.kind, ()), fault.status):
            continue
        address = record.fault_address
        if address is None or page is None or 0 <= address - page < PAGE_SIZE:
            return True
    return False


def _describe_partial(seen: CallObservation, clean: CallObservation) -> str:
    """Say which data differs although the call returned what it returns when nothing fails; empty where none does."""
    outcome = seen.outcome
    if type(outcome) is not Returned or outcome != clean.outcome or _is_error(outcome.value):
        return ""
    differences = [
        f"{name} differs {_describe_bytes(where)}"
        for name, note in seen.arguments.items()
        if (where := _differing(note, clean.arguments[name], seen, clean))
    ]
    differences += [
        f"the {_name_block(seen, note)} differs {_describe_bytes(where)}"
        for note, other in _matched(seen, clean)
        if (where := _differing(_as_argument(note), _as_argument(other), seen, clean))
    ]
    if not differences:
        return ""
    returned = f"it returned {outcome.value:#x} as if nothing had failed"
    return f"{returned}, and hands out partial data: {', '.join(differences)}"


def _is_error(value: int) -> bool:
    return value >> 32 == 0 and value >= _ERROR


def _as_argument(note: BlockNote) -> ArgumentNote:
    return ArgumentNote(note.block.address, note.content)


def _differing(note: ArgumentNote, other: ArgumentNote, seen: CallObservation, clean: CallObservation) -> list[int]:
    """Return the bytes that differ, but for pointers into pool blocks that lie elsewhere and are the same ones."""
    if note.content == other.content:
        return []
    where = []
    for at, (new, old) in enumerate(zip(note.content, other.content, strict=True)):
        if new == old:
            continue
        start = at - (note.address + at) % 8
        pointers = [int.from_bytes(each.content[max(start, 0) : start + 8], "little") for each in (note, other)]
        target = _target(seen, pointers[0])
        if target is None or target != _target(clean, pointers[1]):
            where.append(at)
    return where


def _target(observation: CallObservation, pointer: int) -> tuple[int, int] | None:
    for index, (block, _, _) in enumerate(observation.blocks):
        if block.address <= pointer < block.address + block.size:
            return index, pointer - block.address
    return None


def _matched(seen: CallObservation, clean: CallObservation) -> Iterator[tuple[BlockNote, BlockNote]]:
    """Give each block that is left with the one that the same code leaves when nothing fails."""
    left = list(clean.blocks)
    for note in seen.blocks:
        other = next((each for each in left if _kind(each) == _kind(note)), None)
        if other is not None:
            left.remove(other)
            yield note, other


def _kind(note: BlockNote) -> tuple[int, int, int]:
    return note.block.tag, note.block.size, note.block.caller


def _leaks(seen: CallObservation, clean: CallObservation) -> Iterator[str]:
    for note in _leaked_blocks(seen, clean):
        yield f"the {_name_block(seen, note)} is not freed"
    for kind, held in held_locks(seen.events).items():
        usual = 0 if seen is clean else len(held_locks(clean.events).get(kind, ()))
        for return_address in held[usual:]:
            yield f"the {kind} acquired at {seen.locate_call(return_address)} is not released"
    before, after = seen.apcs_before, seen.apcs_after
    for region, was, now in zip(("critical", "guarded"), before, after, strict=True):
        if now > was:
            times = "" if now - was == 1 else f" {now - was} times"
            entered = _entered(seen, region)
            yield f"a {region} region was entered{times}{entered} and not left"
        elif now < was:
            yield f"a {region} region was left that it had not entered"
    if not is_kept(seen.before, seen.after) and (changes := describe_state(seen.before, seen.after)):
        yield changes


def _entered(seen: CallObservation, region: str) -> str:
    name = f"KeEnter{region.capitalize()}Region"
    calls = [event for event in seen.events if type(event) is ExportCalled and event.name == name]
    return f" at {seen.locate_call(calls[-1].return_address)}" if calls else ""


def _leaked_blocks(seen: CallObservation, clean: CallObservation) -> Iterator[BlockNote]:
    """Give the blocks that the clean call does not leave, or that it leaves to somebody and this one to nobody."""
    if seen is clean:
        return
    usual = Counter(_kind(note) for note in clean.blocks)
    referenced = Counter(_kind(note) for note in clean.blocks if note.referenced)
    for note in seen.blocks:
        kind = _kind(note)
        if not usual[kind] or (referenced[kind] and not note.referenced):
            yield note
        usual[kind] -= usual[kind] > 0


def _name_block(seen: CallObservation, note: BlockNote) -> str:
    block = note.block
    return f"{block.size}-byte pool block {format_tag(block.tag)!r} allocated at {seen.locate_call(block.caller)}"


def _describe_bytes(where: list[int]) -> str:
    if len(where) == 1:
        return f"in byte {where[0]}"
    if len(where) == where[-1] - where[0] + 1:
        return f"in bytes {where[0]} to {where[-1]}"
    return f"in {len(where):,} bytes from {where[0]} to {where[-1]}"


def _name_exception(seen: CallObservation, record: ExceptionRecord) -> str:
    text = describe_status(record.code)
    if record.fault_address is not None:
        text += f", {record.operation} of {_name_byte(seen, record.fault_address)}"
    return f"{text}, at {seen.locate(record.exception_address)}"


def _name_byte(seen: CallObservation, address: int) -> str:
    for name, (start, content) in seen.arguments.items():
        if start <= address < start + len(content):
            return f"byte {address - start} of {name}"
    return f"{address:#x}"


def _describe_bugcheck(seen: CallObservation, outcome: Bugchecked) -> str:
    known = to_bugcheck(outcome.code)
    text = f"bugcheck {outcome.code:#x}" + (f" {known.name}" if isinstance(known, BugCheck) else "")
    events = [event for event in seen.events if type(event) is not BugcheckRaised]
    raised = [event for event in events if type(event) is ExceptionRaised]
    if raised and outcome.code == BugCheck.KMODE_EXCEPTION_NOT_HANDLED:
        record = make_record(raised[-1].code, 0, raised[-1].address, raised[-1].information)
        return f"{text}: nobody took {_name_exception(seen, record)}"
    for event in reversed(events):
        if type(event) is ExportCalled:
            return f"{text}: {event.name}, called at {seen.locate_call(event.return_address)}"
        if type(event) is TrapTaken:
            if event.vector == Vector.PAGE_FAULT:
                return f"{text}: touch of {_name_byte(seen, event.address)} at {seen.locate(event.rip)}"
            return f"{text}: {VECTOR_NAMES.get(event.vector, hex(event.vector))} at {seen.locate(event.rip)}"
    return text
