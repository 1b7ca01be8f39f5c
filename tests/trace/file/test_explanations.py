# SPDX-License-Identifier: GPL-2.0-or-later
"""Explanations without the disassembly in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import Code, StoredSource, Trace
from emu.trace.file import load, save
from emu.trace.file.explanations import Explanation, Quotes
from tests.trace.made import BASE, copied, loop_code

CODE = (*loop_code(), loop_code()[0]._replace(bytes=b"\x90"))
QUOTED = "#PF at copy.sys!byte_copy `movzx eax, byte ptr [rdx]` (copy.S:10)"


def test_an_instruction_that_is_quoted_is_cut_out() -> None:
    found = Quotes(CODE).cut(QUOTED, BASE)
    assert found == Explanation("#PF at copy.sys!byte_copy ", 0, " (copy.S:10)")
    assert found.text(CODE) == QUOTED


def test_of_code_that_changed_it_is_the_form_that_is_quoted() -> None:
    assert Quotes(CODE).cut("at `nop`", BASE) == Explanation("at ", 7, "")


@pytest.mark.parametrize(("text", "rip"), [(QUOTED, BASE + 3), (QUOTED, 0), ("paged in 0x1000", BASE), ("`?`", BASE)])
def test_where_none_is_quoted_the_text_stays(text: str, rip: int) -> None:
    assert Quotes(CODE).cut(text, rip) == Explanation(text)


@given(st.lists(st.sampled_from(["`nop`", "`ret`", "`", "at", " ", "``"])).map("".join), st.sampled_from(CODE))
def test_every_text_comes_back(text: str, code: Code) -> None:
    assert Quotes(CODE).cut(text, code.rip).text(CODE) == text


def test_no_disassembly_is_in_the_file(tmp_path: Path) -> None:
    trace = copied(b"abc", fault_at=1)
    explained = StoredSource(
        *(trace.instructions, trace.accesses, trace.events),
        code=trace.code,
        event_objects=[trace.event(0), trace.event(1)],
        explanations=[QUOTED, "paged in"],
    )
    save(Trace(explained), tmp_path / "x.trace")
    assert b"movzx" not in (tmp_path / "x.trace").read_bytes()
    loaded = load(tmp_path / "x.trace")
    assert [loaded.explain(0), loaded.explain(1)] == [QUOTED, "paged in"]
