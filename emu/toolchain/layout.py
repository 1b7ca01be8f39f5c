# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the guest's sources and the built images are, in a checkout and in an installed package."""

import pathlib

_PACKAGE = pathlib.Path(__file__).resolve().parent.parent


def guest_directory() -> pathlib.Path:
    """Return the directory of the guest's sources: `emu/_guest` of an installed wheel, else the checkout's `guest`."""
    packaged = _PACKAGE / "_guest"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "guest"


def built_directory() -> pathlib.Path:
    """Return the directory of the system images and the native core, whether or not they have been built."""
    return _PACKAGE / "_built"
