# SPDX-License-Identifier: GPL-2.0-or-later
"""Which instructions of a trace ran at a place, touched a byte, or stand next to an event."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np

from emu.trace.code import Code
from emu.trace.extent import Extent, Mask, extent_of
from emu.trace.layout import READ, WRITE, EventKind, InstructionFlag
from emu.trace.source import Chunk, TraceError

if TYPE_CHECKING:
    from emu.trace.trace import Trace

Indices: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

_ACCESS_KINDS: Final = {"read": READ, "write": WRITE}
_TRAPPED: Final = "trapped"
_PLACE: Final = re.compile(r"(?:(?P<module>[^!+]+)!)?(?P<name>[^!+]+)(?:\+(?P<offset>0[xX][0-9a-fA-F]+|[0-9]+))?")


def where(trace: Trace, *, rip: object = None, address: object = None, kind: EventKind | str | None = None) -> Indices:
    """Return the indices of the instructions that meet every condition given, in ascending order.

    rip      an address, `(begin, end)`, a range; or a name of `Trace.code`: `symbol` or `module!symbol` for all of its
             instructions, `symbol+0x10` for the one there (`symbol+0` is its first), `module+0x10` where there is no
             symbol
    address  a byte, `(begin, end)`, a range, or a buffer: an access touched one of its bytes
    kind     "read" or "write": it made such an access, of `address` if that is given, too; "trapped": it did not
             retire; an `EventKind` or its name: such an event lies directly before or directly behind it

    Accesses of trapped instructions count. Raises `TraceError` for a name that no code of the trace has, and for what
    is no place or kind.
    """
    code = None if rip is None else _Place.parse(rip) if isinstance(rip, str) else extent_of(rip, "rip")
    data = None if address is None else extent_of(address)
    access, event, trapped = _parse_kind(kind)
    found: list[Indices] = []
    last_open = False
    for chunk in trace.chunks():
        hit = np.ones(len(chunk.instructions), bool)
        if isinstance(code, Extent):
            hit &= code.holds(chunk.instructions["rip"])
        elif code is not None:
            hit &= code.among(trace.code, chunk)
        if data is not None or access is not None:
            hit &= _touching(chunk, data, access)
        if trapped:
            hit &= chunk.instructions["flags"] & InstructionFlag.TRAPPED != 0
        if event is not None:
            behind = chunk.events["instruction"][chunk.events["kind"] == event].astype(np.int64) - chunk.first
            if last_open and 0 in behind:
                found.append(np.array([chunk.first - 1], np.int64))
            near = np.zeros(len(hit) + 2, bool)  # one more on each side, for what lies outside the chunk
            near[behind] = near[behind + 1] = True
            last_open = bool(len(hit) and hit[-1] and not near[len(hit)])
            hit &= near[1:-1]
        found.append(np.flatnonzero(hit).astype(np.int64) + chunk.first)
    if isinstance(code, _Place):
        code.check_known(trace.code)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _parse_kind(kind: EventKind | str | None) -> tuple[int | None, EventKind | None, bool]:
    """Return the kind of an access, the kind of an event, and whether only trapped instructions are asked for."""
    if kind is None or isinstance(kind, EventKind):
        return None, kind, False
    if kind in _ACCESS_KINDS:
        return _ACCESS_KINDS[kind], None, False
    if kind == _TRAPPED:
        return None, None, True
    if kind in EventKind.__members__:
        return None, EventKind[kind], False
    known = [*_ACCESS_KINDS, _TRAPPED, *EventKind.__members__]
    raise TraceError(f"kind={kind!r} does not exist; {_suggestion(str(kind), known)}")


def _touching(chunk: Chunk, data: Extent | None, access: int | None) -> Mask:
    accesses = chunk.accesses
    wanted = np.ones(len(accesses), bool) if data is None else data.touched_by(accesses)
    if access is not None:
        wanted &= accesses["kind"] == access
    hit = np.zeros(len(chunk.instructions), bool)
    hit[accesses["instruction"][wanted].astype(np.int64) - chunk.first] = True
    return hit


def _suggestion(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 3, 0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known) or 'none'}"


class _Place(NamedTuple):
    """A name of code: which entries of `Trace.code` it stands for."""

    text: str
    module: str
    name: str
    offset: int | None

    @classmethod
    def parse(cls, text: str) -> _Place:
        found = _PLACE.fullmatch(text.strip())
        if found is None:
            raise TraceError(f"rip={text!r} is no name of code; write symbol, symbol+0x10 or module!symbol+0x10")
        offset = found["offset"]
        return cls(text, found["module"] or "", found["name"], None if offset is None else int(offset, 0))

    def _names(self, code: Code) -> bool:
        if self.module:
            return (code.module, code.symbol) == (self.module, self.name)
        return self.name in (code.symbol, "" if code.symbol else code.module) and bool(self.name)

    def among(self, code: Sequence[Code], chunk: Chunk) -> Mask:
        """Tell which instructions of a chunk it stands for."""
        numbers, inverse = np.unique(chunk.instructions["code"], return_inverse=True)
        entries = [code[number] for number in numbers.tolist()]
        matches = [self._names(entry) and self.offset in (None, entry.offset) for entry in entries]
        found: Mask = np.array(matches, bool)[inverse]
        return found

    def check_known(self, code: Sequence[Code]) -> None:
        """Raise `TraceError` where no code has that name."""
        if any(self._names(entry) for entry in code):
            return
        names = sorted({entry.symbol or entry.module for entry in code} - {""})
        if self.module:
            names = sorted({f"{entry.module}!{entry.symbol}" for entry in code if entry.symbol})
        asked = f"{self.module}!{self.name}" if self.module else self.name
        near = difflib.get_close_matches(asked, names, 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"{len(names)} names did, see trace.code"
        raise TraceError(f"no code named {asked!r} ran in this trace; {hint}")
