# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a call, as the native core sees them."""

from __future__ import annotations

import numpy as np
import pytest

from emu.cpu.array_address import array_address


def test_an_array_lies_where_numpy_says() -> None:
    array = np.arange(4, dtype=np.int64)
    assert array_address(array) == array.ctypes.data
    assert array_address(array[1:]) == array.ctypes.data + 8


def test_an_empty_array_lies_nowhere() -> None:
    assert array_address(np.zeros(0, np.int64)) == 0


def test_an_array_with_gaps_is_refused() -> None:
    with pytest.raises(AssertionError):
        array_address(np.arange(4)[::2])
