# SPDX-License-Identifier: GPL-2.0-or-later
"""Where arrays lie."""

from __future__ import annotations

import numpy as np
import pytest

from emu.cpu.array_address import array_address


@pytest.mark.parametrize("dtype", [np.int64, bool, [("first", "<u8"), ("second", "<u4")]])
def test_an_array_lies_where_numpy_says(dtype: object) -> None:
    array = np.zeros(4, dtype)  # type: ignore[call-overload]
    assert array_address(array) == array.ctypes.data
    assert array_address(array[1:]) == array.ctypes.data + array.itemsize
    array.flags.writeable = False
    assert array_address(array) == array.ctypes.data


def test_an_empty_array_lies_nowhere() -> None:
    assert array_address(np.zeros((0, 3))) == 0


def test_an_array_with_gaps_is_refused() -> None:
    with pytest.raises(AssertionError):
        array_address(np.arange(4)[::2])
