# SPDX-License-Identifier: GPL-2.0-or-later
"""One real image, built from assembly and C, that the tests of this room read."""

import pathlib

import pytest

from emu.address import Gva
from emu.image import Module, PeImage
from emu.toolchain import build_guest

SOURCES = pathlib.Path(__file__).parent / "sources"


@pytest.fixture(scope="session")
def image_bytes() -> bytes:
    return build_guest([SOURCES / "routine.S", SOURCES / "driver.c"]).read_bytes()


@pytest.fixture(scope="session")
def image(image_bytes: bytes) -> PeImage:
    return PeImage.parse(image_bytes, "routine.sys")


@pytest.fixture(scope="session")
def module(image: PeImage) -> Module:
    return Module(image, Gva(0xFFFF_F800_1234_0000))


def line_of(source: str, text: str) -> int:
    """Return the number of the first line that is the text."""
    lines = (SOURCES / source).read_text().splitlines()
    return [line.strip() for line in lines].index(text) + 1
