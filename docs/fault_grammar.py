# SPDX-License-Identifier: GPL-2.0-or-later
"""The grammar of faults as a page of the manual, made of the tables that the parser reads by."""

from __future__ import annotations

from typing import Final

from emu.faults import KINDS, BufferPlace, FaultError, Place, UnitPlace, parse_fault
from emu.faults.fault import (
    ARGUMENTS,
    CONDITIONS,
    IN_PAGE_ERROR,
    POOL,
    REGISTERS,
    UNITS,
    argument_range,
    places_of,
    schedule_range,
    takes_memory,
)
from emu.faults.parser import ALL_CONDITIONS
from emu.faults.schedule import SCHEDULE_SYMBOLS

BYTE: Final = BufferPlace("src", 0)

EFFECTS: Final = {
    "unmapped": "[page state](page-states.md): the page is absent",
    "none": "[page state](page-states.md): no access is allowed",
    "ro": "[page state](page-states.md): writes are refused",
    "rw": "[page state](page-states.md): reads and writes are allowed: a page that comes back",
    "rx": "[page state](page-states.md): writes are refused, execution is allowed",
    "rwx": "[page state](page-states.md): everything is allowed",
    "guard": "[page state](page-states.md): the first touch raises and disarms it",
    "paged-out": "[page state](page-states.md): a touch brings the page back, and the instruction is retried",
    "in-page-error": "[page state](page-states.md): a touch fails with this status, by default "
    "0xC000009C (STATUS_DEVICE_DATA_ERROR)",
    "flip": "the bits of the mask change, for good",
    "irql": "CR8 is written; it is not put back",
    "skip": "RIP moves behind the instruction that was to come; it is not executed",
    "no-memory": "an allocation from the [pool](exports.md#pool) fails: it returns null or raises, as it does where "
    "there is no room",
}
"""Of each kind."""

MEANINGS: Final = {
    "access": "before the K-th access to the byte (of a flip: the K-th read), or at the K-th allocation. The state "
    "is there when the instruction begins, and stays",
    "insn": "behind the N-th instruction, before the one that a trace which began with it numbers N",
    "times": "ends after so many traps that the state led to, and the page is as it was before; of allocations, after "
    "so many that failed",
    "probability": "percent of the chances, drawn with `seed`",
    "interval": "every N-th chance",
    "space": "bytes that get through first: a chance that what is left has room for takes its size away",
    "fail-nth": "the N-th chance and no other; excludes the three above",
    "seed": "of `probability`, by default 0: the same seed draws the same every time",
    "require": "only what this function does (allocates, for the pool) is a chance: from its symbol to its end in the "
    "function table",
    "reject": "what this function does is none",
}
"""Of each condition."""

EXAMPLES: Final = {
    "none@src+37": "no access to the page of byte 37, from the start",
    "in-page-error=0xC000009D@src+0,access=3": "the disk is gone at the third access",
    "none@src+0,times=2": "two access violations, then as before",
    "flip=1@CopyFromUser+2": "another instruction stands there",
    "none@src+5,access=1": "another thread unmaps the page in mid-copy",
    "flip=0x80@src+3,access=2": "another thread changes a byte between two fetches",
    "paged-out@src+0,interval=3": "every third access to the byte is paged in again",
    "none@src+0,probability=10,seed=7,reject=probe": "one access in ten, but none of `probe`'s",
    "no-memory@pool,access=2": "the second allocation fails",
    "skip@cpu,insn=40": "a glitch: the instruction that a trace numbers 40 is not executed",
    "flip=0x40@rflags,insn=40": "and here it sees another zero flag",
    "irql=2@cpu,insn=40": "DISPATCH_LEVEL from there on",
}


def _needs_instruction(kind: str, place: Place) -> bool:
    return isinstance(place, UnitPlace) and place.name != POOL


def _allowed(kind: str, place: Place) -> list[str]:
    """Return the conditions that a kind of fault takes at a place."""
    argument = f"={argument_range(kind, place)[1]}" if kind in ARGUMENTS else ""
    allowed = []
    for name in ALL_CONDITIONS:
        conditions = [f"{name}={'f' if name in SCHEDULE_SYMBOLS else 1}"]
        if name == "seed":
            conditions.append("probability=1")
        if name != "insn" and _needs_instruction(kind, place):
            conditions.append("insn=1")
        try:
            parse_fault(",".join((f"{kind}{argument}@{place}", *conditions)))
        except FaultError:
            continue
        allowed.append(name)
    return allowed


def _conditions(kind: str, place: Place) -> str:
    allowed = _allowed(kind, place)
    if allowed == list(ALL_CONDITIONS):
        return "all"
    if set(ALL_CONDITIONS) - set(allowed) < set(CONDITIONS):
        return f"all but {_code(*(f'{name}=' for name in ALL_CONDITIONS if name not in allowed))}"
    listed = _code(*(f"{name}=" for name in allowed))
    return f"{listed}, needed" if _needs_instruction(kind, place) else listed


def _code(*words: str) -> str:
    return " ".join(f"`{word}`" for word in words)


def _places(kind: str) -> list[tuple[str, Place]]:
    found: list[tuple[str, Place]] = [("a byte", BYTE)] if takes_memory(kind) else []
    units = places_of(kind)
    if units == REGISTERS:
        found.append(("a register", UnitPlace(units[0])))
    else:
        found += [(f"`{name}`", UnitPlace(name)) for name in units]
    return found


def _argument(kind: str, place: Place) -> str:
    if kind not in ARGUMENTS:
        return ""
    low, high = argument_range(kind, place)
    return f"{ARGUMENTS[kind]}, {low} to {high if high < 100 else f'{high:#x}'}" + (
        ", may be left out" if kind == IN_PAGE_ERROR else ""
    )


def _alternatives(words: tuple[str, ...], indent: str) -> str:
    lines, line = [], ""
    for word in (f'"{word}"' for word in words):
        if len(line) + len(word) > 78:
            lines.append(line)
            line = ""
        line = f"{line} / {word}" if line else word
    return f"\n{indent}/ ".join([*lines, line])


def _range(name: str) -> str:
    if name in SCHEDULE_SYMBOLS:
        return "a function's symbol"
    low, high = (1, 2**64 - 1) if name in CONDITIONS else schedule_range(name)
    return f"{low} to {high}" if high < 1000 else f"from {low}"


def faults() -> str:
    """Return the part of the text forms' page that is the grammar of faults."""
    indent = " " * 11
    symbols = " / ".join(f'"{name}=" name' for name in SCHEDULE_SYMBOLS)
    counts = tuple(f"{name}=" for name in ALL_CONDITIONS if name not in SCHEDULE_SYMBOLS)
    lines = [
        "```text",
        'fault     = kind ["=" number] "@" place *("," condition)',
        f"kind      = {_alternatives(KINDS, '          ')}",
        'place     = name "+" number / number / unit',
        f"unit      = {_alternatives(UNITS, '          ')}",
        f"condition = ({_alternatives(counts, indent)}) number",
        f"          / {symbols}",
        'number    = 1*DIGIT / "0x" 1*HEXDIG',
        'name      = (ALPHA / "_") *(ALPHA / DIGIT / "_")',
        "```",
        "",
        "| kind | argument | place | conditions | what happens |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in KINDS:
        for where, place in _places(kind):
            cells = (f"`{kind}`", _argument(kind, place), where, _conditions(kind, place), EFFECTS[kind])
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| condition | value | |", "| --- | --- | --- |"]
    lines += [f"| `{name}=` | {_range(name)} | {MEANINGS[name]} |" for name in ALL_CONDITIONS]
    lines += ["", "| for example | |", "| --- | --- |"]
    lines += [f"| `{parse_fault(text)}` | {meaning} |" for text, meaning in EXAMPLES.items()]
    return "\n".join(lines) + "\n"
