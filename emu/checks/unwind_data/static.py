# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks that read: function table, unwind codes, prologues, handlers, epilogues, and the code along its paths."""

from __future__ import annotations

from emu.checks.unwind_data.finding import Rule, UnwindFinding
from emu.checks.unwind_data.flow import Walk, walk_function
from emu.checks.unwind_data.frame_state import FrameState
from emu.checks.unwind_data.functions import Function, ImageFunctions, image_functions
from emu.checks.unwind_data.handlers import check_handler
from emu.checks.unwind_data.path_check import PathCheck
from emu.checks.unwind_data.prologue import Prologue, Report
from emu.checks.unwind_data.version_2 import check_declared_epilogues
from emu.checks.unwind_data.words import applying_codes
from emu.image import PeImage


def check_unwind_data(image: PeImage) -> tuple[UnwindFinding, ...]:
    """Check an image's unwind data against its code, without running it.

    For an image whose function table is damaged, read it with `PeImage.parse(..., strict_functions=False)`. Raises
    `ImageError` for damaged debug information.
    """
    return _StaticCheck(image_functions(image)).run()


class _StaticCheck:
    def __init__(self, functions: ImageFunctions) -> None:
        self._functions = functions
        self._findings: list[UnwindFinding] = []
        self._walks: dict[int, Walk] = {}

    def run(self) -> tuple[UnwindFinding, ...]:
        self._check_table()
        functions = self._functions.functions
        for function in functions:
            if not function.is_fragment:
                self._walks[function.entry.begin] = walk_function(self._functions, function)
        for function in functions:
            if not function.is_indirect:
                self._check_function(function)
        wrong = {finding.function for finding in self._findings}
        jumped_to = self._jumped_to()
        paths = PathCheck(self._functions, self._findings)
        for function in functions:
            names = {part.name for part in self._functions.parts_of(function)}
            if not function.is_fragment and function not in jumped_to and not names & wrong:
                paths.check(function, self._walks[function.entry.begin])
        paths.check_leaves(self._walks.values())
        return tuple(sorted(self._findings, key=lambda finding: (finding.rva, finding.offset or 0)))

    def _jumped_to(self) -> set[Function]:
        """Return the functions that others go on in with their frame: they are checked as what these go on in."""
        found = set()
        for begin, walk in self._walks.items():
            primary = self._functions.find(begin)
            parts = self._functions.parts_of(primary) if primary else ()
            reached = {self._functions.find(rva) for rva in walk.states}
            found |= {function for function in reached if function is not None and function not in parts}
        return found

    def _check_table(self) -> None:
        image = self._functions.image
        for fault in image.functions.faults:
            rva = fault.entry.begin if fault.entry else 0
            name = self._functions.name_of(rva) if fault.entry and rva < image.size_of_image else ""
            self._findings.append(UnwindFinding(Rule.TABLE, self._functions.name, name, rva, None, str(fault)))
        for function in self._functions.functions:
            begin, end = function.covers
            section = image.section_at(begin)
            if section is None or not section.executable or not section.covers(end - 1):
                where = f"in {section.name}, which is not executable" if section else "in no section"
                if section and section.executable:
                    where = f"not all of it in {section.name}"
                self._report(function)(
                    Rule.TABLE,
                    None,
                    f"the function is 0x{begin:x} to 0x{end:x}, {where}",
                    (),
                )

    def _check_function(self, function: Function) -> None:
        report = self._report(function)
        if function.chain is None:
            report(Rule.UNWIND_INFO, None, function.error, ())
            return
        self._check_chain(function, report)
        Prologue(self._functions, function, self._state_at(function), report).check()
        check_handler(self._functions, function, report)
        walk = self._walks.get(function.chain.primary.begin)
        check_declared_epilogues(self._functions, function, walk.states if walk else (), report)

    def _state_at(self, function: Function) -> FrameState | None:
        assert function.chain is not None
        walk = self._walks.get(function.chain.primary.begin)
        return walk.states.get(function.entry.begin) if walk else None

    def _check_chain(self, function: Function, report: Report) -> None:
        assert function.chain is not None
        info = function.chain.info
        for child, parent in zip(function.chain.infos, function.chain.infos[1:], strict=False):
            entry = child.chained
            assert entry is not None
            known = self._functions.find(entry.begin)
            if known is None or (known.entry.begin, known.entry.end) != (entry.begin, entry.end):
                found = f"; the table has {known.name} there" if known else ""
                report(
                    Rule.CHAIN,
                    None,
                    f"chained to 0x{entry.begin:x}..0x{entry.end:x}, which is no entry of the function table{found}",
                    (),
                )
            if parent.frame_register and (info.frame_register, info.frame_offset) != (
                parent.frame_register,
                parent.frame_offset,
            ):
                report(
                    Rule.FRAME_REGISTER,
                    None,
                    "the frame register and its offset are not those of the function that it is chained to",
                    (),
                )

    def _report(self, function: Function) -> Report:
        def report(rule: Rule, offset: int | None, message: str, codes: tuple[str, ...]) -> None:
            rva = function.entry.begin + (offset or 0)
            instruction = self._functions.instruction(rva) if offset is not None else None
            if not codes and offset is not None and function.chain is not None:
                codes = applying_codes(function.chain.infos, offset)
            self._findings.append(
                UnwindFinding(
                    rule,
                    self._functions.name,
                    function.name,
                    rva,
                    offset,
                    message,
                    instruction.text if instruction else "",
                    codes,
                )
            )

        return report
