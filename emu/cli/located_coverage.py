# SPDX-License-Identifier: GPL-2.0-or-later
"""Coverage whose source files are found: images name them without a directory, and readers of lcov open them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emu.trace.coverage import Coverage, FileCoverage


class LocatedCoverage(Coverage):
    """A coverage in which each file that lies beside one of the images' own sources has its full path."""

    def __init__(self, covered: Coverage, images: Sequence[str]) -> None:
        super().__init__(covered.modules)
        self._directories = tuple(dict.fromkeys(Path(image).resolve().parent for image in images))

    @property
    def files(self) -> tuple[FileCoverage, ...]:
        """The source files of all modules."""
        return tuple(each._replace(file=self._path_of(each.file)) for each in super().files)

    def _path_of(self, file: str) -> str:
        return next((str(each / file) for each in self._directories if (each / file).is_file()), file)
