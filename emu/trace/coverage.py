# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs reached of the images: instructions, blocks, functions, source lines and `__try` blocks.

An image has what was not reached, too. Where none is known, as for a trace from a file, there is only what ran.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from emu.image import Module
from emu.trace.code import Code
from emu.trace.control_flow import Flow, flow_of
from emu.trace.edges import Edges, read_edges
from emu.trace.module_coverage import CoveredInstruction, FunctionCoverage, ModuleCoverage, TryBlockCoverage
from emu.trace.scope_coverage import count_try_blocks

if TYPE_CHECKING:
    from emu.trace.trace import Trace


_REPEATS = (b"\xf2", b"\xf3")
"""Prefixes that a repeated string instruction begins with."""


class FileCoverage(NamedTuple):
    """What was reached of one source file."""

    file: str
    lines: dict[int, int]
    """Line → how often it ran, which is how often that of its instructions ran that ran most."""
    functions: tuple[FunctionCoverage, ...]
    try_blocks: tuple[TryBlockCoverage, ...]


class Coverage:
    """What one or more runs reached. `a | b` is what both did, with the sums of their counts."""

    def __init__(self, modules: Iterable[ModuleCoverage] = ()) -> None:
        merged: dict[object, ModuleCoverage] = {}
        for module in modules:
            known = merged.get(module.key)
            merged[module.key] = module if known is None else known.merged(module)
        self.modules = tuple(sorted(merged.values(), key=lambda module: (module.base, module.name)))
        """One for each image, in order of address."""

    def __or__(self, other: object) -> Coverage:
        """Return the coverage of two sets of runs together."""
        return Coverage((*self.modules, *other.modules)) if isinstance(other, Coverage) else NotImplemented

    def only(self, *names: str) -> Coverage:
        """Return the coverage of the modules of these names alone."""
        return Coverage(module for module in self.modules if module.name in names)

    @property
    def files(self) -> tuple[FileCoverage, ...]:
        """The source files of all modules, by name. A file that went into several has the sums."""
        lines: dict[str, dict[int, int]] = {}
        for module in self.modules:
            for (file, line), hits in module.lines().items():
                of_file = lines.setdefault(file, {})
                of_file[line] = of_file.get(line, 0) + hits
        functions = [each for module in self.modules for each in module.functions()]
        blocks = [each for module in self.modules for each in module.try_blocks()]
        return tuple(
            FileCoverage(
                file,
                dict(sorted(lines[file].items())),
                tuple(each for each in functions if each.file == file),
                tuple(each for each in blocks if each.file == file),
            )
            for file in sorted(lines)
        )

    def __str__(self) -> str:
        """Return a line for each module, and one for each `__try` block whose body was entered."""
        rows = [("module", "instructions", "blocks", "functions", "lines", "__try parts")]
        details = []
        for module in self.modules:
            functions, lines, blocks = module.functions(), module.lines(), module.try_blocks()
            parts = [each.counts.of(part) for each in blocks for part in each.block.parts]
            rows.append(
                (
                    module.name,
                    f"{len(module.instructions):,}",
                    f"{len(module.blocks()):,}",
                    f"{sum(each.reached for each in functions)}/{len(functions)}",
                    f"{sum(map(bool, lines.values()))}/{len(lines)}",
                    f"{sum(map(bool, parts))}/{len(parts)}",
                )
            )
            details += [str(each) for each in blocks if each.counts.entered]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:]))) for row in rows]
        return "\n".join((*table, *(("", *details) if details else ())))


def coverage(trace: Trace, images: Sequence[Module] = ()) -> Coverage:
    """Return what a trace reached. It is read in chunks, once.

    `images` are the modules that were loaded, as `machine.modules`: only of these it is known what was not reached.
    """
    edges = read_edges(trace)
    modules = {each.base: _Loaded(each.name, each.base, each.size, each.entry) for each in trace.modules}
    for each in images:
        known = modules.get(each.base)
        entry = 0 if each.image.entry_point is None else each.base + each.image.entry_point
        modules[each.base] = _Loaded(known.name if known else each.name, each.base, each.size, entry, each)
    bases = sorted(modules)
    places: dict[int, dict[int, int]] = {base: {} for base in bases}
    for number in {edge.code for edge in edges.taken}:
        rip = trace.code[number].rip
        index = bisect.bisect_right(bases, rip) - 1
        if index >= 0 and rip < bases[index] + modules[bases[index]].size:
            places[bases[index]][number] = rip - bases[index]
    hits, leaders = _count(trace.code, edges)
    covered = []
    for base, (name, _, size, entry, module) in sorted(modules.items()):
        instructions: dict[int, CoveredInstruction] = {}
        for number, rva in places[base].items():
            code, before = trace.code[number], instructions.get(rva)
            instructions[rva] = CoveredInstruction(
                len(code.bytes),
                hits[number] + (before.hits if before else 0),
                number in leaders or (before is not None and before.leads),
                code.symbol,
                code.offset,
                code.file,
                code.line,
            )
        counts = {} if module is None else count_try_blocks(module, trace.code, places[base], edges)
        image = None if module is None else module.image
        covered.append(ModuleCoverage(name, base, size, entry, image, instructions, counts))
    return Coverage(covered)


class _Loaded(NamedTuple):
    name: str
    base: int
    size: int
    entry: int
    module: Module | None = None


def _count(code: Sequence[Code], edges: Edges) -> tuple[Counter[int], set[int]]:
    """Return how often each entry of `code` was reached, and which of them begin a basic block."""
    hits: Counter[int] = Counter()
    leaders: set[int] = set()
    for edge, times in edges.taken.items():
        reached = code[edge.code]
        before = None if edge.before is None else code[edge.before]
        again = before is not None and before.rip == reached.rip
        hits[edge.code] += 0 if again and edge.trapped else times
        if again and (edge.trapped or reached.bytes[:1] in _REPEATS):
            continue
        if before is None or before.rip + len(before.bytes) != reached.rip or flow_of(before) is not Flow.NEXT:
            leaders.add(edge.code)
    return hits, leaders
