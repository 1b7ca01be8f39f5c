# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu inject --what-if`: from options to a what-if sweep, and what it found, place by place."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final, NamedTuple

from emu.campaign.experiment.argument import parse_argument, parse_stub
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.call_chances import Allocation, UserAccess
from emu.campaign.plan.what_if import Failure, WhatIf, parse_failures
from emu.campaign.run.store import Row, Store
from emu.campaign.run.what_if_workbench import WhatIfWorkbench
from emu.cli.inject_plan import InjectOptions, split_profiles
from emu.cli.mistakes import Mistake
from emu.cli.words import plural
from emu.faults import BufferPlace
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile

MOST_SHOWN: Final = 8
"""Findings."""
MOST_READ: Final = 100_000
"""Rows that are looked through for findings that differ."""

_OPTION: Final = re.compile(r"-+[A-Za-z]")
_WHICH: Final = re.compile(r"\+0x[0-9a-f]+|bytes? [\d,]+( to [\d,]+)?|[\d,]+ bytes from [\d,]+ to [\d,]+|; after .*")
"""What tells findings apart that are the same: the instruction of a line, the byte, what failed."""


class ChanceRow(NamedTuple):
    """What one place in the code does that can fail: accesses to a buffer, or allocations."""

    what: str
    """`read`, `write`, `allocate`."""
    data: str
    """Which bytes, or how many."""
    times: int
    """How many of them there are."""
    where: str
    failing: Counter[VerdictClass]
    """How many of the experiments in which one of these fails alone are not correct."""


def check_what_if(options: InjectOptions) -> None:
    """Raise `Mistake` for options of copies with `--what-if`, and for those of calls without."""
    for text in (*([] if options.routine is None else [options.routine]), *options.arguments):
        # With negative integers as arguments, Click lets everything pass.
        if _OPTION.match(text):
            raise Mistake(f"No such option {text!r}; `--help` lists them")
    of_calls = {
        f"argument {' '.join(options.arguments[:1])!r}": options.arguments,
        "--pairs": options.pairs,
        "--must-return": options.must_return,
        "--stub": options.stubs,
        "--unguarded": options.unguarded,
    }
    of_copies = {
        "--lengths": options.lengths is not None,
        "--source-offsets": options.source_offsets is not None,
        "--target-offsets": options.target_offsets is not None,
        "--data": options.data is not None,
        "--oracle": options.oracle is not None,
    }
    for name, value in (of_copies if options.what_if else of_calls).items():
        if value and options.what_if:
            raise Mistake(f"{name} is about copies; leave it out with --what-if")
        if value:
            raise Mistake(f"{name} is about a whole call; give --what-if, too, or leave it out")


def what_if_of(options: InjectOptions) -> WhatIf:
    """Make the call of the options once, and return the sweep over what can fail in it.

    Raises `Mistake`, what the parsers raise, and what `find_chances` raises.
    """
    if options.routine is None:
        raise Mistake("--what-if needs a routine to call, and its arguments as for `emu run`")
    profiles = split_profiles(options.profiles) or (Profile(),)
    if len(profiles) > 1:
        raise Mistake(f"--profiles {', '.join(map(str, profiles))}: a call is made on one; choose one")
    irqls = Axis.parse(options.irql or "0", "--irql")
    if len(irqls) > 1:
        raise Mistake(f"--irql {irqls}: a call is made at one; choose one")
    call = CallExperiment(
        routine=options.routine,
        arguments=tuple(map(parse_argument, options.arguments)),
        profile=profiles[0],
        irql=irqls.largest,
        budget=DEFAULT_BUDGET if options.budget is None else options.budget,
        guarded=not options.unguarded,
        images=options.images,
        stubs=tuple(map(parse_stub, options.stubs)),
    )
    return WhatIf.measure(
        call,
        failures=parse_failures(options.faults) or (Failure(),),
        pairs=options.pairs,
        must_return=options.must_return,
        sample=options.sample,
        seed=options.seed or 0,
    )


def find_differing(store: Store, plan: WhatIf) -> list[Row]:
    """Return the first experiment of each thing that is wrong; a pair with the one that fails alike alone."""
    first: dict[tuple[VerdictClass, str], Row] = {}
    for row in islice(store.rows(), MOST_READ):
        first.setdefault((row.verdict.kind, _WHICH.sub("", row.verdict.detail)), row)
    rows = list(first.values())[:MOST_SHOWN]
    pairs = [row for row in rows if row.minimal_id is None and plan.singles(row.number)]
    if not pairs:
        return rows
    with contextlib.closing(WhatIfWorkbench(store.campaign)) as bench:
        found = {
            row.number: bench.replay_id(single)
            for row in pairs
            for single in reversed(plan.singles(row.number))
            if bench.judge(single).kind is row.verdict.kind
        }
    store.set_minimal(found.items())
    return [row._replace(minimal_id=found.get(row.number, row.minimal_id)) for row in rows]


def chance_rows(plan: WhatIf, store: Store) -> list[ChanceRow]:
    """Return what can fail, by its place in the code, in the order in which the call comes there."""
    chances = plan.chances
    alone = 1 + len(plan.failures) * len(chances.accesses) + len(chances.allocations)
    failing = {row.number: row.verdict.kind for row in takewhile(lambda row: row.number < alone, store.rows())}
    groups: dict[tuple[str, str, str], list[tuple[int, UserAccess | Allocation]]] = {}
    for index, access in enumerate(chances.accesses):
        buffer = access.place.buffer if isinstance(access.place, BufferPlace) else ""
        key = ("write" if access.writes else "read", buffer, _line_of(access.where))
        groups.setdefault(key, []).append((index, access))
    for index, allocation in enumerate(chances.allocations):
        groups.setdefault(("allocate", "", _line_of(allocation.where)), []).append((index, allocation))
    rows = []
    for (what, buffer, where), members in groups.items():
        numbers = [number for index, chance in members for number in _numbers_of(plan, index, chance)]
        wrong = Counter(failing[number] for number in numbers if number in failing)
        data = _describe_data(buffer, [chance for _, chance in members])
        rows.append(ChanceRow(what, data, len(members), where, wrong))
    return rows


def _numbers_of(plan: WhatIf, index: int, chance: UserAccess | Allocation) -> Iterator[int]:
    """Give the experiments in which it fails alone."""
    accesses, ways = len(plan.chances.accesses), len(plan.failures)
    if isinstance(chance, Allocation):
        yield 1 + ways * accesses + index
    else:
        yield from range(1 + index, 1 + ways * accesses, accesses)


def _line_of(where: str) -> str:
    """Leave out which instruction of a line of source it is."""
    return re.sub(r"\+0x[0-9a-f]+ \(", " (", where)


def _describe_data(buffer: str, members: list[UserAccess | Allocation]) -> str:
    low, high = (1 << 64), 0
    sizes = []
    for chance in members:
        if isinstance(chance, Allocation):
            sizes.append(chance.size)
            continue
        place = chance.place
        first = place.offset if isinstance(place, BufferPlace) else place.address
        low, high = min(low, first), max(high, first + chance.size - 1)
    if sizes:
        return plural(sizes[0], "byte") if len(set(sizes)) == 1 else f"{min(sizes)} to {max(sizes):,} bytes"
    if not buffer:
        return f"{low:#x}" if low == high else f"{low:#x} to {high:#x}"
    return f"byte {low} of {buffer}" if low == high else f"bytes {low} to {high} of {buffer}"
