# SPDX-License-Identifier: GPL-2.0-or-later
"""`--emu-cov`: what all tests together reached of the guest code, from traces of their calls.

That costs 2 ms a test with one call, 0.15 ms a further call, and each case of a sweep is run once more. A worker of
pytest-xdist hands on what its tests reached as text, in which images are named by their files.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from emu.campaign.experiment.copy_experiment import IMAGES, load_images
from emu.campaign.plan.copy_sweep import CopySweep
from emu.cli.coverage_display import display_coverage
from emu.cli.coverage_result import CoverageReport
from emu.cli.mistakes import Mistake
from emu.cli.whole_file import whole_file
from emu.image import ImageError
from emu.kernel.modules import read_image
from emu.kernel.system import ACCESSOR_IMAGE, KERNEL_IMAGE
from emu.testing.current import pool_of
from emu.testing.guest import BuiltFrom, built_from, remember
from emu.testing.machines import LoggedMachine
from emu.toolchain import guest_directory
from emu.trace.coverage import Coverage, FileCoverage, coverage
from emu.trace.formats import lcov
from emu.trace.module_coverage import CoveredInstruction, ModuleCoverage
from emu.trace.run_log import RunLog
from emu.trace.scope_coverage import TryBlock, TryCounts
from emu.trace.source import TraceError

SYSTEM_MODULES: Final = {KERNEL_IMAGE.stem: KERNEL_IMAGE, ACCESSOR_IMAGE.stem: ACCESSOR_IMAGE}
WORKER_OUTPUT: Final = "emu-coverage"


class Reached(NamedTuple):
    """What was reached of an image."""

    covered: ModuleCoverage
    path: Path
    directories: tuple[Path, ...]
    """Where its sources may lie."""


class SuiteCoverage(Coverage):
    """A coverage whose source files have their full paths, so that files of one name stay apart."""

    def __init__(self, reached: Iterable[Reached]) -> None:
        self._reached = tuple(reached)
        super().__init__(each.covered for each in self._reached)

    @property
    def files(self) -> tuple[FileCoverage, ...]:
        """The source files of all modules, by path."""
        found: dict[str, FileCoverage] = {}
        for each in self._reached:
            for file in Coverage([each.covered]).files:
                path = _located(file.file, each.directories)
                found[path] = _together(found[path], file) if path in found else file._replace(file=path)
        return tuple(found[path] for path in sorted(found))


def _located(file: str, directories: tuple[Path, ...]) -> str:
    return next((str(each / file) for each in directories if (each / file).is_file()), file)


def _together(one: FileCoverage, other: FileCoverage) -> FileCoverage:
    lines = dict(one.lines)
    for line, hits in other.lines.items():
        lines[line] = lines.get(line, 0) + hits
    return one._replace(
        lines=dict(sorted(lines.items())),
        functions=one.functions + other.functions,
        try_blocks=one.try_blocks + other.try_blocks,
    )


class CoverageCollector:
    """The plugin behind `--emu-cov`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = config.invocation_params.dir / config.getoption("--emu-cov")
        if not self._file.parent.is_dir():
            raise pytest.UsageError(f"--emu-cov {config.getoption('--emu-cov')}: there is no directory for it")
        self._reached: dict[object, Reached] = {}
        self._from_text = 0
        self._lost: list[str] = []
        pool_of(config).sink = self.add

    def add(self, machine: LoggedMachine, log: RunLog) -> None:
        """Add what a log of a machine reached."""
        trace = machine.trace_of(log)
        paths: dict[int, Path] = {module.base: path for module, path in machine.images}
        try:
            covered = coverage(trace, trace.images)
        except TraceError as error:
            self._lost.append(str(error))
            return
        for module in covered.modules:
            path = SYSTEM_MODULES.get(module.name) or paths.get(module.base)
            built = None if path is None else built_from(path)
            if path is None or (built is not None and built.is_text):
                self._from_text += 1
            else:
                self._merge(Reached(module, path, _directories(path, built)))

    def _merge(self, reached: Reached) -> None:
        key = reached.covered.key, reached.directories
        known = self._reached.get(key)
        if known is not None:
            if not reached.covered.instructions:
                return
            reached = known._replace(covered=known.covered.merged(reached.covered))
        self._reached[key] = reached

    def add_sweep(self, plan: CopySweep) -> None:
        """Run the cases of a sweep once more, on machines that log: those of the sweep do not."""
        for profile in plan.profiles:
            with LoggedMachine(profile) as machine:
                machine.sink = self.add
                machine.begin_test()
                load_images(machine, plan.images, plan.routine)
                sources = tuple(Path(each).resolve() for each in plan.images if Path(each).suffix not in IMAGES)
                for _, path in machine.images:
                    if built_from(path) is None:
                        remember(path, BuiltFrom(sources, has_options=False, is_text=False))
                machine.checkpoint()
                for number in plan.numbers():
                    if plan.case(number).profile == profile:
                        plan.experiment(number).run(machine)
                        machine.reset()
                machine.end_test()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand on what was reached, or write it."""
        output: dict[str, str] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[WORKER_OUTPUT] = self.to_json()
            return
        try:
            with whole_file(str(self._file)) as stream:
                text = io.StringIO()
                lcov.write_coverage(self.chosen(), text)
                stream.write(text.getvalue().encode())
        except Mistake as error:
            self._lost.append(str(error))
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Take what a worker of pytest-xdist has reached."""
        output: dict[str, str] = getattr(node, "workeroutput", {})
        if WORKER_OUTPUT in output:
            self.add_json(output[WORKER_OUTPUT])
        else:
            self._lost.append(f"worker {node.gateway.id} ended without a word of what its tests reached")

    def chosen(self) -> SuiteCoverage:
        """Return the coverage of the modules to be reported."""
        wanted = self._config.getoption("--emu-cov-module")
        names = {each.covered.name for each in self._reached.values()}
        chosen = set(wanted) or names.difference(SYSTEM_MODULES) or names
        return SuiteCoverage(each for each in self._reached.values() if each.covered.name in chosen)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a table of the files, and what of them was not reached."""
        from rich.console import Console  # noqa: PLC0415

        writer = self._config.get_terminal_writer()
        terminalreporter.section("coverage of guest code")
        for line in dict.fromkeys(self._lost):
            terminalreporter.write_line(line)
        names = sorted({each.covered.name for each in self._reached.values()})
        for name in self._config.getoption("--emu-cov-module"):
            if name not in names:
                there = ", ".join(names) or "none"
                terminalreporter.write_line(f"--emu-cov-module {name}: no test ran code of it; there are {there}")
        if self._from_text:
            terminalreporter.write_line("code that is built from text in a test has no file, and is left out")
        covered = _Relative(self.chosen(), self._config.invocation_params.dir)
        is_chosen = bool(self._config.getoption("--emu-cov-module") or set(names).difference(SYSTEM_MODULES))
        console = Console(
            file=io.StringIO(),
            width=writer.fullwidth,
            force_terminal=writer.hasmarkup,
            color_system="standard" if writer.hasmarkup else None,
            highlight=False,
            markup=False,
            emoji=False,
        )
        for part in display_coverage(CoverageReport(covered, None, is_chosen)):
            console.print(part)
        assert isinstance(console.file, io.StringIO)
        for line in console.file.getvalue().strip("\n").splitlines():
            terminalreporter.write_line(line.rstrip())
        terminalreporter.write_line(f"written to {self._config.getoption('--emu-cov')}")

    def to_json(self) -> str:
        """Return what `add_json` reads."""
        return json.dumps(
            {
                "modules": [_to_json(each) for each in self._reached.values()],
                "from_text": self._from_text,
                "lost": self._lost,
            }
        )

    def add_json(self, text: str) -> None:
        """Add what another process has reached."""
        data = json.loads(text)
        self._from_text += data["from_text"]
        self._lost += data["lost"]
        for each in data["modules"]:
            try:
                self._merge(_from_json(each))
            except (ImageError, OSError) as error:
                self._lost.append(str(error))


class _Relative(Coverage):
    """A coverage whose files are named as they read from a directory, where they lie below it."""

    def __init__(self, covered: Coverage, directory: Path) -> None:
        super().__init__(covered.modules)
        self._files = tuple(each._replace(file=_relative(each.file, directory)) for each in covered.files)

    @property
    def files(self) -> tuple[FileCoverage, ...]:
        """The source files."""
        return self._files


def _relative(file: str, directory: Path) -> str:
    path = Path(file)
    return path.relative_to(directory).as_posix() if path.is_relative_to(directory) else file


def _directories(path: Path, built: BuiltFrom | None) -> tuple[Path, ...]:
    if path in SYSTEM_MODULES.values():
        guest = guest_directory()
        return guest / "umaccess", guest / "kernel"
    sources = () if built is None else built.sources
    return (*dict.fromkeys(source.parent for source in sources), *(() if sources else (path.parent,)))


def _to_json(reached: Reached) -> dict[str, Any]:
    covered = reached.covered
    return {
        "path": str(reached.path),
        "directories": [str(each) for each in reached.directories],
        "base": covered.base,
        "entry": covered.entry,
        "instructions": {str(rva): list(each) for rva, each in covered.instructions.items()},
        "counts": [[list(block), list(counts)] for block, counts in covered.counts.items()],
    }


def _from_json(data: dict[str, Any]) -> Reached:
    path = Path(data["path"])
    image = read_image(path)
    counts = {}
    for (function, body, handler, target), values in data["counts"]:
        counts[TryBlock(function, tuple((begin, end) for begin, end in body), handler, target)] = TryCounts(*values)
    covered = ModuleCoverage(
        Path(image.name).stem,
        data["base"],
        image.size_of_image,
        data["entry"],
        image,
        {int(rva): CoveredInstruction(*values) for rva, values in data["instructions"].items()},
        counts,
    )
    return Reached(covered, path, tuple(map(Path, data["directories"])))
