# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest nodes: an assembly file, its tests, and the test of its `bytes:` comments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from emu.image import ImageError
from emu.image.dwarf import read_line_ranges
from emu.image.pe import PeImage
from emu.kernel.modules import MissingImports
from emu.machine import Machine
from emu.profile import Profile
from emu.testing.assembly_file.encoding import wrong_encodings
from emu.testing.assembly_file.model import AssemblyFile, AssemblyTest
from emu.testing.assembly_file.parser import BYTES_TEST, parse_assembly_file
from emu.testing.assembly_file.run import Failure, run_test
from emu.testing.assembly_file.scanner import DirectiveError
from emu.testing.guest import Guest
from emu.testing.options import MARKER, PROFILES
from emu.toolchain import GuestBuildError


def collect(parent: pytest.Collector, path: Path) -> pytest.File:
    """Return the node of a file."""
    return AssemblyTestFile.from_parent(parent, path=path)


class AssemblyItem(pytest.Function):
    """One test of an assembly file; it has fixtures and markers as a Python function has."""

    _line = 0

    @classmethod
    def at_line(
        cls, parent: AssemblyTestFile, line: int, name: str, run: Callable[..., None], profile: Profile | None = None
    ) -> AssemblyItem:
        """Return a test that runs a function, whose parameters are fixtures."""
        item: AssemblyItem = cls.from_parent(parent, name=name, callobj=run)
        item._line = line
        if profile is not None:
            item.add_marker(getattr(pytest.mark, MARKER)(profile=profile))
        return item

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test is."""
        return self.path, self._line - 1, self.name


class AssemblyTestFile(pytest.File):
    """An assembly file. A mistake in its directives is an error of the collection."""

    _parsed: AssemblyFile
    _text: list[str]
    _image: Path | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """Give a test for each `test:` and profile, and one for the `bytes:` comments."""
        try:
            text = self.path.read_text(encoding="utf-8")
            self._parsed = parse_assembly_file(text)
        except DirectiveError as error:
            raise self.CollectError(f"{self._name}:{error.line}: {error.message}") from None
        except UnicodeDecodeError as error:
            raise self.CollectError(f"{self._name}: this is not UTF-8: {error}") from None
        self._text = text.split("\n")
        for test in self._parsed.tests:
            profiles: tuple[Profile, ...] = test.profiles or self.config.stash.get(PROFILES, ())
            for profile in profiles or (None,):
                name = test.name if len(profiles) < 2 else f"{test.name}[{profile}]"
                yield AssemblyItem.at_line(self, test.line, name, self._runs(test), profile)
        if self._parsed.bytes:
            yield AssemblyItem.at_line(self, self._parsed.bytes[0].line, BYTES_TEST, self._check_bytes)

    @property
    def _name(self) -> str:
        try:
            return self.path.relative_to(self.config.rootpath).as_posix()
        except ValueError:
            return str(self.path)

    def _build(self, request: pytest.FixtureRequest) -> Path:
        if self._image is None:
            directory = self.path.parent
            guest = Guest(directory, directory, request)  # the fixture `guest` makes a temporary directory each time
            sources, defines = (self.path.name, *self._parsed.sources), self._parsed.defines
            try:
                self._image = guest.build(*sources, **({"defines": defines} if defines else {}))
            except GuestBuildError as error:
                pytest.fail(str(error), pytrace=False)
        return self._image

    def _runs(self, test: AssemblyTest) -> Callable[..., None]:
        def run(machine: Machine, request: pytest.FixtureRequest) -> None:
            try:
                failures = run_test(machine, test, self._build(request))
            except MissingImports as error:
                way_out = "or with `export NAME = INTEGER` under `every test:`"
                pytest.fail(f"{self._name}: {error}, {way_out}", pytrace=False)
            except ImageError as error:
                pytest.fail(f"{self._name}: {error}", pytrace=False)
            if failures:
                self._fail(failures, [test.line, *(each.line for each in test.directives)])

        return run

    def _check_bytes(self, request: pytest.FixtureRequest) -> None:
        image = self._build(request)
        try:
            parsed = PeImage.parse(image.read_bytes(), image.name)
            ranges = read_line_ranges(parsed)
        except ImageError as error:
            pytest.fail(f"{self._name}: {error}", pytrace=False)
        failures = [
            Failure(expected.line, expected.code, tuple(lines))
            for expected, lines in wrong_encodings(parsed, ranges, self.path.name, self._parsed.bytes)
        ]
        if failures:
            self._fail(failures, [])

    def _fail(self, failures: Sequence[Failure], shown: Sequence[int]) -> NoReturn:
        """Fail with what does not hold, and the directives around it as they are written."""
        lines: list[str] = []
        for failure in failures:
            lines.append(f"{self._name}:{failure.line}: {failure.text}")
            lines += [f"    {line}" for line in failure.lines]
        wrong = {failure.line for failure in failures}
        if shown:
            lines.append("")
        for number in sorted(set(shown)):
            lines.append(f"{'>' if number in wrong else ' '}{number:>5}  {self._text[number - 1].strip()}")
        pytest.fail("\n".join(lines), pytrace=False)
