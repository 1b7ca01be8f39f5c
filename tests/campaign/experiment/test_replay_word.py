# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids as words of a shell."""

from __future__ import annotations

import re
import shlex

from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.replay_word import join_parts, split_parts

PARTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff/%~-= "), max_size=12)


@given(PARTS, st.lists(PARTS, max_size=4))
def test_what_is_joined_is_split_again(routine: str, settings: list[str]) -> None:
    word = join_parts(routine, settings)
    assert split_parts(word) == (routine, settings)
    assert re.fullmatch(r"[A-Za-z0-9._+,=@:%/-]*", word)
    assert not word or shlex.split(word) == [word]
    assert word[:1] not in ("-", "=", "~")
