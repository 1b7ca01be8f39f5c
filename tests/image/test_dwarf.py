# SPDX-License-Identifier: GPL-2.0-or-later
import re

import pytest

from emu.image import ImageError, PeImage
from emu.image.dwarf import read_labels


def damaged(data: bytes, section: str, at: int, patch: bytes) -> PeImage:
    """Return the image with bytes of a debug section replaced."""
    content = next(each.data for each in PeImage.parse(data, "routine.sys").sections if each.name == section)
    start = data.index(content) + at
    return PeImage.parse(data[:start] + patch + data[start + len(patch) :], "damaged.sys")


def test_a_number_that_is_too_long_to_print_is_reported_in_one_line(image_bytes: bytes) -> None:
    """An abbreviation code of two thousand bytes."""
    first_entry = 11
    image = damaged(image_bytes, ".debug_info", first_entry, b"\xff" * 3000)
    with pytest.raises(ImageError) as refused:
        read_labels(image)
    assert re.fullmatch(r"damaged\.sys: debug information: .{1,300}", str(refused.value))
