# SPDX-License-Identifier: GPL-2.0-or-later
"""What can fail in a call: its accesses to user memory and its allocations, taken from a run in which nothing fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.code_locator import CodeLocator
from emu.faults import AddressPlace, BufferPlace, FaultError, parse_fault
from emu.memory.buffer import Buffer
from emu.memory.layout import HIGHEST_USER_HALF
from emu.outcome import Raised, Returned

if TYPE_CHECKING:
    from emu.trace import Trace

MAXIMUM_ACCESSES: Final = 1 << 18


class UserAccess(NamedTuple):
    """An access to user memory; one that reaches into the next page is two, one for each page."""

    place: BufferPlace | AddressPlace
    """Its first byte on the page."""
    number: int
    """Which of the accesses to that byte it is, counted from 1."""
    size: int
    """Bytes on the page."""
    writes: bool
    where: str
    """The instruction."""


class Allocation(NamedTuple):
    """A request for pool, granted or not."""

    size: int
    where: str
    """The call."""


class CallChances(NamedTuple):
    """Everything in a call that can be made to fail, in order."""

    accesses: tuple[UserAccess, ...] = ()
    allocations: tuple[Allocation, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads back; places in code are an index into `code`."""
        everything: list[UserAccess | Allocation] = [*self.accesses, *self.allocations]
        code = {where: index for index, where in enumerate(dict.fromkeys(each.where for each in everything))}
        return {
            "code": list(code),
            "accesses": [
                [str(each.place), each.number, each.size, "write" if each.writes else "read", code[each.where]]
                for each in self.accesses
            ],
            "allocations": [[each.size, code[each.where]] for each in self.allocations],
        }

    @classmethod
    def from_json(cls, data: Any) -> CallChances:
        """Return the chances that gave this. Raises `ExperimentError` for anything else."""
        try:
            code = data["code"]
            if not all(isinstance(where, str) for where in code):
                raise TypeError("a place in code is a text")
            accesses = [
                UserAccess(_place(place), int(number), int(size), {"read": False, "write": True}[kind], code[index])
                for place, number, size, kind, index in data["accesses"]
            ]
            allocations = [Allocation(int(size), code[index]) for size, index in data["allocations"]]
        except (FaultError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ExperimentError(f"'measured' cannot be read: {error}") from None
        return cls(tuple(accesses), tuple(allocations))


def find_chances(call: CallExperiment) -> CallChances:
    """Make a call in which nothing fails, and return what could. Accesses of the host's part of exports are not seen.

    Raises `ExperimentError` for a call that stops the machine, never ends or is not modelled, and what
    `CallExperiment.run` raises.
    """
    with call.boot() as machine:
        machine.resolve(call.routine)
        values, buffers = call.place(machine)
        locator = CodeLocator(machine.system)
        requests = _Requests()
        machine.system.intervention = requests
        with machine.trace() as trace:
            outcome = machine.call(call.routine, *values, guarded=call.guarded, irql=call.irql, budget=call.budget)
        if not isinstance(outcome, Returned | Raised):
            ending = outcome.headline.splitlines()[0]
            raise ExperimentError(f"{call.routine} fails without any fault: {ending}; see to that with `emu run` first")
        return CallChances(
            tuple(_accesses(trace, buffers, locator)),
            tuple(Allocation(size, locator.call(caller)) for size, caller in requests.seen),
        )


class _Requests:
    """Lets every allocation pass, and notes it."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, Gva]] = []

    def stopped(self) -> None:
        """Nothing is waited for."""

    def page_faulted(self, address: Gva) -> None:
        """Nothing is taken off."""

    def allocation_fails(self, size: int, caller: Gva) -> bool:
        """Let it pass."""
        self.seen.append((size, caller))
        return False


def _accesses(trace: Trace, buffers: Mapping[str, Buffer], locator: CodeLocator) -> Iterator[UserAccess]:
    from emu.trace.layout import WRITE, AccessFlag  # noqa: PLC0415 (NumPy takes its time to import)

    table = trace.accesses
    table = table[(table["address"] <= HIGHEST_USER_HALF) & (table["flags"] & AccessFlag.NOT_PERFORMED == 0)]
    if len(table) > MAXIMUM_ACCESSES:
        raise ExperimentError(
            f"{len(table):,} accesses to user memory are more than {MAXIMUM_ACCESSES:,}; give the call less to do"
        )
    rips = trace.instructions["rip"][table["instruction"]].tolist()
    columns = (table[name].tolist() for name in ("address", "size", "kind"))
    seen: Counter[int] = Counter()
    for rip, address, size, kind in zip(rips, *columns, strict=True):
        end = address + size
        seen.update(range(address, end))
        for first in (address, *range((address | PAGE_SIZE - 1) + 1, end, PAGE_SIZE)):
            behind = min((first | PAGE_SIZE - 1) + 1, end)
            place = _name(first, buffers)
            yield UserAccess(place, seen[first], behind - first, kind == WRITE, locator.instruction(Gva(rip)))


def _name(address: int, buffers: Mapping[str, Buffer]) -> BufferPlace | AddressPlace:
    for name, buffer in buffers.items():
        if buffer.address <= address < buffer.address + buffer.size:
            return BufferPlace(name, address - buffer.address)
    return AddressPlace(address)


def _place(text: str) -> BufferPlace | AddressPlace:
    place = parse_fault(f"none@{text}").place
    assert isinstance(place, BufferPlace | AddressPlace)
    return place
