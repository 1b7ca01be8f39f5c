# SPDX-License-Identifier: GPL-2.0-or-later
"""The accesses to user memory that no accessor makes, against a model that looks at each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emu.checks.call.columns import USER_END
from emu.checks.call.direct_accesses import user_accesses_outside
from emu.checks.call.native_passes import ACTIVATION
from emu.checks.call.native_tables import NativeTables
from emu.trace.layout import ACCESS, INSTRUCTION

FIRST = 1000


@given(st.data())
def test_user_accesses_outside(data: st.DataObject) -> None:
    activations = data.draw(st.integers(0, 4))
    owner = data.draw(st.lists(st.integers(-1, activations - 1), max_size=20))
    is_inside = data.draw(st.lists(st.booleans(), min_size=activations + 1, max_size=activations + 1))
    at = sorted(data.draw(st.lists(st.integers(0, max(len(owner) - 1, 0)), max_size=20 if owner else 0)))
    addresses = st.sampled_from([0, 0x5000, USER_END - 1, USER_END, 0xFFFF_8000_0000_0000])
    touched = [(place, data.draw(addresses)) for place in at]
    accesses = np.zeros(len(touched), ACCESS)
    for row, (place, address) in zip(accesses, touched, strict=True):
        row["instruction"], row["address"], row["size"] = FIRST + place, address, 1
    tables = NativeTables(
        np.zeros(len(owner), INSTRUCTION),
        accesses,
        FIRST,
        np.zeros(0, np.int64),
        np.zeros(activations, ACTIVATION),
        np.array(owner, np.int64),
    )
    expected = [
        number for number, (place, address) in enumerate(touched) if address < USER_END and not is_inside[owner[place]]
    ]
    assert user_accesses_outside(tables, len(touched), np.array(is_inside, bool)).tolist() == expected
