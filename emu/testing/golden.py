# SPDX-License-Identifier: GPL-2.0-or-later
"""Golden traces: `assert trace == golden("name")`.

A golden trace is the file `golden/NAME.trace` beside the test's own. `--emu-update` writes the trace that a test
compares with it; without, one that is missing or differs fails the test. Addresses in modules and buffers are compared
by the name and the offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from emu.trace.trace import Trace

DIRECTORY: Final = "golden"
SUFFIX: Final = ".trace"
UPDATE: Final = "--emu-update"

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,=+-]*", re.ASCII)

FILES = pytest.StashKey["GoldenFiles"]()
"""Of a configuration: the golden traces of the run."""

_OUTPUT: Final = "emu-golden-traces"

SECTION: Final = "golden trace"


class GoldenFiles:
    """The golden traces that a run asked for, and those that it wrote; a plugin of runs with `--emu-update`."""

    def __init__(self) -> None:
        self.used: set[Path] = set()
        self._written: dict[Path, str] = {}
        """By whom."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand what a worker of pytest-xdist asked for to the run that it belongs to."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = [str(path) for path in self.used]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker asked for; one that crashed has said nothing."""
        self.used |= {Path(path) for path in getattr(node, "workeroutput", {}).get(_OUTPUT, ())}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """List the golden traces that no test asked for."""
        unused = self.unused()
        if unused:
            terminalreporter.section("golden traces that no test of this run asked for")
            for path in unused:
                terminalreporter.line(shown(path, config))
            terminalreporter.line("delete them if every test that has a golden trace was run")

    def write(self, path: Path, trace: Trace, test: str) -> None:
        """Accept a trace. Raises `GoldenClash` where another test has written a different one, OSError."""
        from emu.trace import load  # noqa: PLC0415

        earlier = self._written.get(path)
        if earlier is not None and earlier != test and load(path).diff(trace) is not None:
            raise GoldenClash(f"{path.name}: {earlier} has written another trace to it; give each its own name")
        self._written[path] = test
        path.parent.mkdir(exist_ok=True)
        trace.save(path)

    def unused(self) -> list[Path]:
        """Return the files in the directories of the golden traces that nobody asked for."""
        there = (path for directory in {each.parent for each in self.used} for path in directory.glob(f"*{SUFFIX}"))
        return sorted(path for path in there if path not in self.used)


class GoldenClash(Exception):
    """Two tests have one name for different traces."""


def files_of(config: pytest.Config) -> GoldenFiles:
    """Return the golden traces of a run."""
    files = config.stash.get(FILES, None)
    if files is None:
        files = config.stash[FILES] = GoldenFiles()
    return files


def shown(path: Path, config: pytest.Config) -> str:
    """Return a path as it reads from the root of the tests."""
    return path.relative_to(config.rootpath).as_posix() if path.is_relative_to(config.rootpath) else str(path)


class Golden:
    """What the fixture `golden` is."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._files = files_of(item.config)

    def __call__(self, name: str) -> GoldenTrace:
        """Return the golden trace of a name: letters, digits and `_ . , = + -`. Raises ValueError for another name."""
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"golden trace {name!r}: a name has letters, digits and _ . , = + -, a letter or digit first"
            )
        path = self._item.path.parent / DIRECTORY / f"{name}{SUFFIX}"
        self._files.used.add(path)
        return GoldenTrace(path, self._item, self._files)


class GoldenTrace:
    """A golden trace; `trace == golden("name")` compares, or accepts with `--emu-update`."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, path: Path, item: pytest.Item, files: GoldenFiles) -> None:
        self.path = path
        self._item = item
        self._files = files
        self.why_not: tuple[str, ...] = ()
        """Why the last comparison did not hold, a line each."""

    def __eq__(self, other: object) -> bool:
        from emu.trace import Trace  # noqa: PLC0415

        if not isinstance(other, Trace):
            return NotImplemented
        if self._item.config.getoption(UPDATE):
            try:
                self._files.write(self.path, other, self._item.nodeid)
            except GoldenClash as error:
                pytest.fail(str(error), pytrace=False)
            return True
        self.why_not = tuple(self._compare(other))
        return not self.why_not

    def __repr__(self) -> str:
        return f"<golden trace {self._shown}{': ' if self.why_not else ''}{self.why_not[0] if self.why_not else ''}>"

    @property
    def _shown(self) -> str:
        return shown(self.path, self._item.config)

    def _compare(self, trace: Trace) -> Iterable[str]:
        from emu.trace import TraceError, load  # noqa: PLC0415

        accept = f"run this test with {UPDATE} to accept the trace as it is now"
        try:
            difference = load(self.path).diff(trace)
        except FileNotFoundError:
            return (f"there is no golden trace {self._shown}", f"{accept}, and add the file to your repository")
        except (OSError, TraceError) as error:
            return (f"the golden trace cannot be read: {error}", accept)
        if difference is None:
            return ()
        headline, *rest = str(difference).splitlines()
        self._item.add_report_section("call", SECTION, "\n".join((f"{self._shown}, then the trace as it is", *rest)))
        return (f"this is not the golden trace {self._shown}", headline, f"if that is meant: {accept}")


def explain(operator: str, left: object, right: object) -> list[str] | None:
    """Return why `trace == golden("name")` does not hold, for `pytest_assertrepr_compare`."""
    golden = left if isinstance(left, GoldenTrace) else right
    if operator != "==" or not isinstance(golden, GoldenTrace) or not golden.why_not:
        return None
    return list(golden.why_not)
