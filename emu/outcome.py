# SPDX-License-Identifier: GPL-2.0-or-later
"""The closed set of ways in which a call ends. Each prints as an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from emu.address import Gva
from emu.events import Event
from emu.nt.bugcheck import BugCheck, describe_bugcheck
from emu.nt.status import NtStatus, describe_status, to_status

OPERATIONS = {0: "read", 1: "write", 8: "execute"}
"""ExceptionInformation[0] of a memory fault (Microsoft Learn, EXCEPTION_RECORD)."""

_MEMORY_FAULTS = frozenset(
    (
        NtStatus.ACCESS_VIOLATION,
        NtStatus.IN_PAGE_ERROR,
        NtStatus.GUARD_PAGE_VIOLATION,
        NtStatus.STACK_OVERFLOW,
    )
)


class Explainer(Protocol):
    """Turns events into sentences; it knows the modules, their source and the buffers of that moment."""

    def explain_record(self, record: ExceptionRecord, /) -> list[str]: ...

    def explain_event(self, event: Event, /) -> str: ...

    def explain_refusal(self, events: Sequence[Event], /) -> str: ...

    def locate(self, address: Gva, /) -> str: ...


@dataclass(frozen=True, slots=True)
class ExceptionRecord:
    """An exception, as EXCEPTION_RECORD has it."""

    code: NtStatus | int
    flags: int
    exception_address: Gva
    """The instruction that raised it."""
    information: tuple[int, ...] = ()
    """The parameters: for a memory fault operation and address, for an in-page error the status too."""

    @property
    def fault_address(self) -> Gva | None:
        """The address that could not be touched, or None where this is no memory fault."""
        if self.code in _MEMORY_FAULTS and len(self.information) > 1:
            return Gva(self.information[1])
        return None

    @property
    def operation(self) -> str | None:
        """ "read", "write" or "execute", or None where this is no memory fault."""
        if self.code in _MEMORY_FAULTS and len(self.information) > 1:
            return OPERATIONS.get(self.information[0])
        return None

    def __str__(self) -> str:
        text = describe_status(self.code)
        if self.operation is not None:
            text += f", {self.operation} of {self.information[1]:#x}"
        if self.code == NtStatus.IN_PAGE_ERROR and len(self.information) > 2:
            text += f", because of {describe_status(self.information[2])}"
        return f"{text}, at {self.exception_address:#x}"


def make_record(code: int, flags: int, address: int, information: tuple[int, ...]) -> ExceptionRecord:
    """Build a record, the code as `NtStatus` where it is a known one."""
    return ExceptionRecord(to_status(code), flags, Gva(address), information)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Everything that happened in a call, in order."""

    events: tuple[Event, ...]
    explainer: Explainer | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return one line of text an event."""
        if self.explainer is None:
            return [repr(event) for event in self.events]
        return [self.explainer.explain_event(event) for event in self.events]

    def explain_refusal(self) -> str:
        """Return why no frame accepted the last exception, in one sentence; empty where nobody can say."""
        return self.explainer.explain_refusal(self.events) if self.explainer else ""

    def _locate(self, address: Gva) -> str:
        return self.explainer.locate(address) if self.explainer else f"{address:#x}"

    def _explain(self, record: ExceptionRecord) -> list[str]:
        return self.explainer.explain_record(record) if self.explainer else []


def _indent(lines: list[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


@dataclass(frozen=True, slots=True)
class Returned:
    """The call returned."""

    value: int
    """RAX."""
    dispatch: Dispatch = field(default=Dispatch(()), compare=False, repr=False)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return f"returned {self.value:#x}"

    def __str__(self) -> str:
        return self.headline


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised an exception that the guarding `__except` handled."""

    record: ExceptionRecord
    dispatch: Dispatch = field(default=Dispatch(()), compare=False, repr=False)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return f"raised {self.record}"

    def __str__(self) -> str:
        explained = self.dispatch._explain(self.record) + self.dispatch.lines()
        return self.headline + _indent(explained)


@dataclass(frozen=True, slots=True)
class Bugchecked:
    """The machine stopped. Only `reset()` is allowed afterwards."""

    code: int
    parameters: tuple[int, int, int, int]
    dispatch: Dispatch = field(default=Dispatch(()), compare=False, repr=False)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return f"bugchecked: {describe_bugcheck(self.code, self.parameters)}"

    def __str__(self) -> str:
        unhandled = self.code == BugCheck.KMODE_EXCEPTION_NOT_HANDLED and self.dispatch.explain_refusal()
        lines = [*([unhandled] if unhandled else []), *self.dispatch.lines()]
        return self.headline + _indent(lines)


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The call used up its budget of blocks."""

    budget: int
    rip: Gva
    dispatch: Dispatch = field(default=Dispatch(()), compare=False, repr=False)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return (
            f"timed out: the budget of {self.budget} blocks was used up at {self.dispatch._locate(self.rip)}; "
            "give a larger budget= if the code is meant to run that long"
        )

    def __str__(self) -> str:
        return self.headline + _indent(self.dispatch.lines())


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """The call needs something that is not modelled."""

    reason: str
    rip: Gva
    dispatch: Dispatch = field(default=Dispatch(()), compare=False, repr=False)

    @property
    def headline(self) -> str:
        """What it is, in one line."""
        return f"not modelled: {self.reason}, at {self.dispatch._locate(self.rip)}"

    def __str__(self) -> str:
        return self.headline + _indent(self.dispatch.lines())


Outcome: TypeAlias = Returned | Raised | Bugchecked | TimedOut | Unmodelled
