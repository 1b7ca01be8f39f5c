# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds guest code for tests, and knows afterwards what an image was built from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from emu.image import Module
    from emu.testing.machines import LoggedMachine


class BuiltFrom(NamedTuple):
    """What an image was built from."""

    sources: tuple[Path, ...]
    has_options: bool
    """Whether it takes more than the sources to build it again."""
    is_text: bool
    """Whether the source is text in a test, which lies in no file that stays."""


_built: dict[Path, BuiltFrom] = {}


def built_from(image: Path) -> BuiltFrom | None:
    """Return what an image was built from; None where no test of this run has built it."""
    return _built.get(image)


def remember(image: Path, built: BuiltFrom) -> None:
    """Note what an image was built from; what was noted first counts."""
    _built.setdefault(image, built)


class Guest:
    """Builds guest code for a test."""

    def __init__(self, directory: Path, scratch: Path, request: pytest.FixtureRequest) -> None:
        self._directory = directory
        self._scratch = scratch
        self._request = request

    def build(self, *sources: str | Path, **options: Any) -> Path:
        """Build an image from files beside the test's own, `.S .c .obj .lib`, and return its path.

        The options are those of `emu.build_guest`; so are the errors, but for a missing compiler, which fails the test.
        """
        return self._build([self._directory / source for source in sources], options, is_text=False)

    def build_text(self, text: str, suffix: str = ".S", *, name: str = "guest", **options: Any) -> Path:
        """Build an image from the text of one source file; assembly by default, C with `suffix=".c"`.

        `name` is the module's.
        """
        source = self._scratch / f"{name}{suffix}"
        source.write_text(text, encoding="utf-8")
        return self._build([source], options, is_text=True)

    def load(self, *sources: str | Path, **options: Any) -> Module:
        """Build an image from files beside the test's own, and load it into the test's machine."""
        machine: LoggedMachine = self._request.getfixturevalue("machine")
        return machine.load(self.build(*sources, **options))

    def _build(self, sources: list[Path], options: dict[str, Any], *, is_text: bool) -> Path:
        from emu.toolchain import ToolchainMissing, build_guest  # noqa: PLC0415

        try:
            image = build_guest(sources, **options)
        except ToolchainMissing as error:
            pytest.fail(str(error), pytrace=False)
        remember(image, BuiltFrom(tuple(sources), bool(options), is_text))
        return image
