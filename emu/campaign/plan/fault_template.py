# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of a sweep: a fault's text form whose place is swept, and the faults that come of it.

    KIND[=ARG]@every-byte[,CONDITION]…          each byte of the source, and the one behind it, which no copy may touch
    KIND[=ARG]@every-access[,CONDITION]…        each access to the source that a clean run makes; of a flip, each read
    KIND[=ARG]@every-instruction[,CONDITION]…   between any two instructions of a clean run: a page state for the
                                                source's page, else what happens to the processor
    KIND[=ARG]@NAME+FIRST-LAST[:STEP]…          bytes of a buffer (those that it has), or of code
    KIND[=ARG]@PLACE…                           a fault as it is, where the copy is long enough to have its byte

`src+every-byte`, `dst+every-byte`, `src+every-access`, `dst+every-access` name the buffer, `PLACE+every-instruction`
the place. `&` between two means both (their product), a comma one or the other, nothing at all no fault:
`none@every-byte,guard@every-byte&paged-out@src+0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import Final

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.measure import ACCESSES, INSTRUCTIONS, READS
from emu.campaign.plan.sweep_placement import PlacedFault
from emu.faults import BufferPlace, Fault, FaultError, parse_fault
from emu.faults.fault import CPU, FLIP, PAGE_STATES

BUFFERS: Final = (SOURCE, TARGET)

EVERY_BYTE: Final = "every-byte"
EVERY_ACCESS: Final = "every-access"
EVERY_INSTRUCTION: Final = "every-instruction"
EVERY: Final = (EVERY_BYTE, EVERY_ACCESS, EVERY_INSTRUCTION)

_KEPT: Final = 1 << 14
"""Faults that a template keeps; a sweep asks for the same ones again and again."""

_PARTS: Final = re.compile(r"(?P<kind>[^@]*)@(?P<place>[^,]*)(?P<conditions>.*)", re.DOTALL)
_SWEPT: Final = re.compile(rf"(?:(?P<name>[^+]*)\+)?(?P<every>{EVERY_BYTE}|{EVERY_ACCESS})")
_BYTES: Final = re.compile(r"(?P<name>[^+]*)\+(?P<bytes>[0-9A-Fa-fxX]+-[^+]*)")


class Sweep(Enum):
    """What a template goes through."""

    NOTHING = "nothing"
    BYTES = "bytes"
    ACCESSES = "accesses"
    INSTRUCTIONS = "instructions"


@dataclass(frozen=True)
class FaultTemplate:
    """A fault and what is swept; `str(template)` is its text form, which `parse` reads back."""

    text: str
    fault: Fault
    """The first one."""
    sweep: Sweep = Sweep.NOTHING
    bytes: range | None = None
    """Those that are swept; None for every byte that the buffer has."""

    @classmethod
    def parse(cls, text: str) -> FaultTemplate:
        """Read one. Raises `ExperimentError`."""
        found = _PARTS.fullmatch(text)
        if found is None:
            return cls(text, _read(text, text))
        kind, place, conditions = found.groups()

        def read(place: str, every: str = "", condition: str = "") -> Fault:
            if not condition:
                return _read(f"{kind}@{place}{conditions}", text)
            if f",{condition}=" in conditions:
                raise ExperimentError(f"faults {text!r}: {every} sets {condition}= itself; leave it out")
            return _read(f"{kind}@{place}{conditions},{condition}=1", text)

        swept = _SWEPT.fullmatch(place)
        if swept is not None:
            name, every = swept["name"] or SOURCE, swept["every"]
            if name not in BUFFERS:
                raise ExperimentError(
                    f"faults {text!r}: {every} goes through {SOURCE} or {TARGET}; "
                    f"for {name} give a range of bytes, as in {name}+0-15"
                )
            if every == EVERY_BYTE:
                return cls(text, read(f"{name}+0"), Sweep.BYTES)
            return cls(text, read(f"{name}+0", every, "access"), Sweep.ACCESSES)
        if place.endswith(EVERY_INSTRUCTION):
            rest = place.removesuffix(EVERY_INSTRUCTION)
            fixed = rest.removesuffix("+") if rest.endswith("+") else rest or _default_place(kind)
            return cls(text, read(fixed, EVERY_INSTRUCTION, "insn"), Sweep.INSTRUCTIONS)
        if place.rpartition("+")[2].startswith("every"):
            raise ExperimentError(f"faults {text!r}: {place!r}: swept are {', '.join(EVERY)}")
        ranged = _BYTES.fullmatch(place)
        if ranged is not None:
            (bytes_,) = Axis.parse(ranged["bytes"], f"faults {text!r}: bytes").ranges
            return cls(text, read(f"{ranged['name']}+{bytes_[0]}"), Sweep.BYTES, bytes_)
        return cls(text, read(place))

    @property
    def buffer(self) -> str | None:
        """The buffer of the copy that the fault is in."""
        place = self.fault.place
        return place.buffer if isinstance(place, BufferPlace) and place.buffer in BUFFERS else None

    @property
    def quantity(self) -> str | None:
        """What of a clean run says how many faults there are."""
        if self.sweep is Sweep.INSTRUCTIONS:
            return INSTRUCTIONS
        if self.sweep is not Sweep.ACCESSES:
            return None
        return (READS if self.fault.kind == FLIP else ACCESSES)[self.buffer or SOURCE]

    def count(self, length: int) -> int:
        """Return how many faults a copy of a length has; not for what is measured."""
        if self.sweep is Sweep.NOTHING:
            return int(self.fits(length))
        assert self.sweep is Sweep.BYTES
        if self.bytes is None:
            return length + 1
        if self.buffer is None:
            return len(self.bytes)
        first, last = self.bytes[0], self.bytes[-1]
        return len(range(first, min(last, length) + 1, self.bytes.step))

    def fits(self, length: int) -> bool:
        """Tell whether a copy of a length has the first byte."""
        place = self.fault.place
        return not isinstance(place, BufferPlace) or place.buffer not in BUFFERS or place.offset <= length

    @cached_property
    def at(self) -> Callable[[int], PlacedFault]:
        """Return the fault with a number below `count`; not for accesses."""
        if self.sweep is Sweep.INSTRUCTIONS:
            return lru_cache(_KEPT)(lambda index: PlacedFault.exact(replace(self.fault, insn=index + 1)))
        if self.sweep is Sweep.NOTHING:
            only = PlacedFault.of(self.fault)
            return lambda _: only
        assert self.sweep is Sweep.BYTES
        place, bytes_ = self.fault.place, self.bytes
        assert isinstance(place, BufferPlace)

        def at(index: int) -> PlacedFault:
            byte = index if bytes_ is None else bytes_[index]
            return PlacedFault.of(replace(self.fault, place=replace(place, offset=byte)))

        return lru_cache(_KEPT)(at)

    @cached_property
    def at_access(self) -> Callable[[int, int], PlacedFault]:
        """Return the fault that strikes at an access: its first byte, and which one it is of those to that byte."""
        place = self.fault.place
        assert isinstance(place, BufferPlace)

        def at(byte: int, number: int) -> PlacedFault:
            return PlacedFault.exact(replace(self.fault, place=replace(place, offset=byte), access=number))

        return lru_cache(_KEPT)(at)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[Callable[[str], FaultTemplate], tuple[str]]:
        return FaultTemplate.parse, (self.text,)


@dataclass(frozen=True)
class FaultChoice:
    """What goes wrong in a part of a sweep: some templates at once, none for no fault."""

    templates: tuple[FaultTemplate, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FaultChoice:
        """Read templates with `&` between them. Raises `ExperimentError`."""
        if not text.strip():
            return cls()
        return cls(tuple(FaultTemplate.parse(part.strip()) for part in text.split("&")))

    @property
    def measured(self) -> bool:
        """Whether how many there are depends on a clean run."""
        return any(template.quantity for template in self.templates)

    def count(self, length: int) -> int:
        """Return how many sets of faults a copy of a length has; not for what is measured."""
        return prod(template.count(length) for template in self.templates)

    def __str__(self) -> str:
        return "&".join(map(str, self.templates))


def parse_fault_choices(texts: Iterable[str]) -> tuple[FaultChoice, ...]:
    """Read options: within one a comma separates choices, and several options are multiplied.

    Raises `ExperimentError`; also for the same choice twice.
    """
    axes = [[FaultChoice.parse(part) for part in _split(text)] for text in texts]
    choices = tuple(
        FaultChoice(tuple(template for choice in combination for template in choice.templates))
        for combination in product(*axes)
    )
    return check_choices(choices)


def check_choices(choices: tuple[FaultChoice, ...]) -> tuple[FaultChoice, ...]:
    """Return the choices. Raises `ExperimentError` where one is there twice."""
    seen: set[str] = set()
    for choice in map(str, choices):
        if choice in seen:
            raise ExperimentError(f"faults {choice!r}: it is there twice; name it once")
        seen.add(choice)
    return choices


def _split(text: str) -> list[str]:
    """Split at the commas that begin another choice: a condition has no `@`."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and piece and "@" not in piece and "@" in parts[-1]:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return parts


def _read(fault: str, template: str) -> Fault:
    try:
        return parse_fault(fault)
    except FaultError as error:
        raise ExperimentError(str(error) if fault == template else f"faults {template!r}: {error}") from None


def _default_place(kind: str) -> str:
    return f"{SOURCE}+0" if kind.partition("=")[0] in PAGE_STATES else CPU
