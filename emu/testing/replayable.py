# SPDX-License-Identifier: GPL-2.0-or-later
"""A call that a test made as a replay id: an experiment that gives the same on a machine of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.argument import Argument, HalfName, Integer, Memory, Zeroes
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.call_replay_id import format_call_id
from emu.campaign.experiment.content import Inline, Pattern
from emu.campaign.experiment.copy_experiment import CopyExperiment
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.experiment.replay_id import format_replay_id
from emu.faults import BufferPlace, Fault, FaultError
from emu.faults.fault import IN_PAGE_ERROR, PAGE_STATES, AddressPlace
from emu.image import ImageError, UnknownSymbol
from emu.kernel.explanation import Explanation
from emu.memory import page_table as pt
from emu.memory.buffer import Buffer
from emu.memory.page_table import PageState
from emu.outcome import Bugchecked, Outcome, Raised, Returned, TimedOut, Unmodelled
from emu.testing.guest import built_from
from emu.testing.machines import CallMade, LoggedMachine
from emu.toolchain.errors import GuestBuildError, ToolchainMissing
from emu.trace.trace import Trace

LONGEST_CONTENT: Final = 256
"""Bytes of a buffer that a replay id carries."""

_MISTAKES: Final = (
    *(ExperimentError, FaultError, GuestBuildError, ImageError, OSError, RuntimeError),
    *(ToolchainMissing, UnknownSymbol, ValueError),
)


class NotReplayable(Exception):
    """A call that cannot be written as a replay id; the message says why."""


class _Held(NamedTuple):
    """A buffer among the arguments, before and after the call."""

    buffer: Buffer
    half: HalfName
    before: bytes
    after: bytes

    @property
    def offset(self) -> int:
        """Where it begins in its page."""
        return self.buffer.origin % PAGE_SIZE


def replay_id(machine: LoggedMachine, trace: Trace) -> str:
    """Return the replay id of a machine's last call, which `trace` has at its end.

    The experiment is run: it has to end as the call did, and to leave the same in the buffers. Raises `NotReplayable`.
    """
    call = machine.last_call
    if call is None or call.outcome is None:
        raise NotReplayable("no call has ended")
    held = _held(machine, call, trace)
    copied = _copy(machine, call, held)
    if copied is not None and _copy_agrees(copied, machine, call, held):
        return format_replay_id(copied)
    experiment = _call(machine, call, held)
    if not _call_agrees(experiment, machine, call, held):
        raise NotReplayable("it ends otherwise on a machine that has only the images and the arguments")
    return format_call_id(experiment)


def _held(machine: LoggedMachine, call: CallMade, trace: Trace) -> dict[int, _Held]:
    """Return the buffers among the arguments by their position."""
    traced = trace.calls[-1]
    buffers = {at: each for at, each in enumerate(call.arguments) if isinstance(each, Buffer)}
    if not buffers:
        return {}
    if any(call.pages[at] is None for at in buffers):
        raise NotReplayable("a buffer among its arguments has too many pages")
    contents = []
    for index in (traced.begin, traced.end):
        state = trace.state_at(index)
        contents.append({at: state.read(each.origin, each.size) for at, each in buffers.items()})
    before, after = contents
    user = {each.address for each in trace.buffers if each.user}
    return {
        at: _Held(each, "user" if each.origin in user else "kernel", before[at], after[at])
        for at, each in buffers.items()
    }


def _routine(machine: LoggedMachine, call: CallMade) -> str:
    if isinstance(call.function, str):
        return call.function
    _, bang, symbol = Explanation(machine.system).locate(Gva(call.function)).partition("!")
    if not bang or "+" in symbol:
        raise NotReplayable(f"there is no symbol at {call.function:#x}")
    return symbol


def image_names(machine: LoggedMachine) -> tuple[str, ...]:
    """Return what a test has loaded as replay ids name it: by its sources, where these alone make it."""
    loaded = machine.modules
    paths = [path for module, path in machine.images if module in loaded]
    built = [built_from(path) for path in paths]
    if len(paths) == 1 and built[0] is not None and not (built[0].has_options or built[0].is_text):
        return tuple(file_name(source) for source in built[0].sources)
    return tuple(file_name(path) for path in paths)


def file_name(path: Path) -> str:
    """Return a path as it reads from where the tests were started, where it lies below."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if relative.startswith(os.pardir) else Path(relative).as_posix()


def _faults(call: CallMade, names: dict[int, str]) -> tuple[Fault, ...]:
    """Return the page states of the arguments and what was injected; `names` has the buffers by position."""
    faults = [fault for position, name in names.items() for fault in _page_faults(call, position, name)]
    for fault, buffers in call.faults:
        if fault.kind in PAGE_STATES and fault.begins_at_once:
            continue
        if isinstance(fault.place, AddressPlace):
            raise NotReplayable(f"the fault {fault} is at an address")
        if isinstance(fault.place, BufferPlace) and fault.place.buffer in buffers:
            fault = _renamed(fault, fault.place, int(buffers[fault.place.buffer]), call, names)
        faults.append(fault)
    return tuple(faults)


def _page_faults(call: CallMade, position: int, name: str) -> list[Fault]:
    buffer = call.arguments[position]
    assert isinstance(buffer, Buffer)
    faults = []
    for page, entry, status in call.pages[position] or ():
        state = pt.page_state(entry)
        protection = entry & pt.PROTECTION_MASK
        kind = pt.STATE_NAMES[state]
        if state == PageState.RESIDENT:
            if protection == pt.PROTECTIONS["rw"]:
                continue
            kind = next(each for each, bits in pt.PROTECTIONS.items() if bits == protection)
        place = BufferPlace(name, max(page - buffer.origin, 0))
        faults.append(Fault(kind, place, status if kind == IN_PAGE_ERROR else None))
    return faults


def _renamed(fault: Fault, place: BufferPlace, base: int, call: CallMade, names: dict[int, str]) -> Fault:
    for position, name in names.items():
        buffer = call.arguments[position]
        assert isinstance(buffer, Buffer)
        if 0 <= base - buffer.origin <= buffer.size:
            return replace(fault, place=BufferPlace(name, base - buffer.origin + place.offset))
    raise NotReplayable(f"the fault {fault} is in a buffer that is no argument")


def _copy(machine: LoggedMachine, call: CallMade, held: dict[int, _Held]) -> CopyExperiment | None:
    """Return the call as a copy, target, source and length, where it is one."""
    if set(held) != {0, 1} or len(call.arguments) != 3 or not call.guarded:
        return None
    target, source, length = held[0], held[1], int(call.arguments[2])
    if (target.half, source.half) != ("kernel", "user") or not 0 <= length <= min(
        len(target.before), len(source.before)
    ):
        return None
    content = source.before[:length]
    if content == Pattern().read(length):
        data: Pattern | Inline = Pattern()
    elif length <= LONGEST_CONTENT:
        data = Inline(content)
    else:
        return None
    try:
        return CopyExperiment(
            _routine(machine, call),
            length,
            source.offset,
            target.offset,
            machine.profile,
            data,
            call.irql,
            _faults(call, {0: TARGET, 1: SOURCE}),
            image_names(machine),
            call.budget,
        )
    except ExperimentError:
        return None


def _copy_agrees(copied: CopyExperiment, machine: LoggedMachine, call: CallMade, held: dict[int, _Held]) -> bool:
    try:
        result = copied.run()
    except _MISTAKES:
        return False
    there = ((0, result.target_address, copied.length), (1, result.source_address, copied.length))
    landed = zip(result.target, held[0].after, held[0].before, result.content, strict=False)
    return _ends_alike(call, machine, held, result.outcome, result.explanation, there) and all(
        # What a copy does not reach holds poison there, and here what it held before.
        theirs == ours or (ours == before and theirs != content)
        for theirs, ours, before, content in landed
    )


def _call(machine: LoggedMachine, call: CallMade, held: dict[int, _Held]) -> CallExperiment:
    """Return the call as an experiment. Raises `NotReplayable`."""
    arguments: list[Argument] = []
    for position, given in enumerate(call.arguments):
        if position in held:
            arguments.append(_memory(held[position]))
            continue
        value = int(given)
        inside = [half.find_buffer(Gva(value)) for half in (machine.user, machine.kernel)]
        if any(each is not None for each in inside):
            raise NotReplayable(f"argument {position}, {value:#x}, points into a buffer; give the buffer itself")
        arguments.append(Integer(value))
    names = {position: f"arg{position}" for position in held}
    try:
        return CallExperiment(
            _routine(machine, call),
            tuple(arguments),
            machine.profile,
            call.irql,
            call.budget,
            call.guarded,
            _faults(call, names),
            image_names(machine),
        )
    except ExperimentError as error:
        raise NotReplayable(str(error)) from None


def _memory(held: _Held) -> Memory:
    content = held.before
    if held.half == "user" and content == Pattern().read(len(content)):
        return Memory("user", Pattern(), len(content))
    if held.half == "kernel" and not any(content):
        return Memory("kernel", Zeroes(), len(content))
    if len(content) > LONGEST_CONTENT:
        raise NotReplayable(f"a buffer among its arguments holds {len(content)} bytes of its own")
    return Memory(held.half, Inline(content), None)


def _call_agrees(experiment: CallExperiment, machine: LoggedMachine, call: CallMade, held: dict[int, _Held]) -> bool:
    try:
        result = experiment.run()
    except _MISTAKES:
        return False
    there = tuple(
        (position, each.address, len(each.before)) for position, each in zip(held, result.memory, strict=True)
    )
    return _ends_alike(call, machine, held, result.outcome, result.explanation, there) and all(
        theirs.after == ours.after for theirs, ours in zip(result.memory, held.values(), strict=True)
    )


_Places: TypeAlias = Sequence[tuple[int, int, int]]
"""Position, address and size of each buffer among the arguments."""


def _ends_alike(
    call: CallMade,
    machine: LoggedMachine,
    held: dict[int, _Held],
    outcome: Outcome,
    explanation: Explanation,
    places: _Places,
) -> bool:
    """Tell whether two calls ended alike, on machines on which other things lie elsewhere."""
    assert call.outcome is not None
    here = [(position, each.buffer.origin, each.buffer.size) for position, each in held.items()]
    return _ending(call.outcome, Explanation(machine.system), here) == _ending(outcome, explanation, places)


def _ending(outcome: Outcome, explanation: Explanation, places: _Places) -> tuple[object, ...]:
    def place(value: int) -> object:
        for position, address, size in places:
            if address - PAGE_SIZE <= value <= address + size + PAGE_SIZE:
                return position, value - address
        name = explanation.locate(Gva(value))
        return name if "!" in name else value

    match outcome:
        case Returned(value):
            return "returned", place(value)
        case Raised(record):
            return "raised", record.code, record.flags, *map(place, (record.exception_address, *record.information))
        case Bugchecked(code, parameters):
            return "bugchecked", code, *map(place, parameters)
        case TimedOut():
            return ("timed out",)
        case Unmodelled(reason, rip):
            return "not modelled", reason, place(rip)
