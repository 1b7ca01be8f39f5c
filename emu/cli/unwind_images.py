# SPDX-License-Identifier: GPL-2.0-or-later
"""The images that `emu unwind` reads: files that are images, and one that is built from all the others together."""

from __future__ import annotations

from pathlib import Path

from emu.campaign.experiment.copy_experiment import ARCHIVES, IMAGES
from emu.image import PeImage


def read_images(files: tuple[str, ...], routine: str | None) -> tuple[PeImage, ...]:
    """Read images, and build what is none as `load_images` does: with a routine, an archive gives what it needs.

    A damaged function table is no error here. Raises `ImageError`, `GuestBuildError`, `ToolchainMissing`, OSError.
    """
    ready = [Path(file) for file in files if Path(file).suffix in IMAGES]
    sources = [file for file in files if Path(file).suffix not in IMAGES]
    if sources:
        from emu.toolchain import build_guest  # noqa: PLC0415 (slow to import, and most images are ready)

        archives = [Path(file) for file in sources if Path(file).suffix in ARCHIVES]
        export: tuple[str, ...] = ()
        if archives and routine is None:
            export = _members(archives)
        elif archives and not ready and routine is not None:
            export = (routine,)
        ready.append(build_guest(sources, export=export))
    return tuple(PeImage.parse(path.read_bytes(), path.name, strict_functions=False) for path in ready)


def _members(archives: list[Path]) -> tuple[str, ...]:
    """Return what archives define, so that all of it gets into the image. What is no archive the build refuses."""
    from emu.toolchain.coff import archive_globals  # noqa: PLC0415

    names: set[str] = set()
    for path in archives:
        try:
            names |= archive_globals(path.read_bytes())
        except (OSError, ValueError):
            return ()
    return tuple(sorted(name for name in names if name.isidentifier()))
