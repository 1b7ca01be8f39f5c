# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions to a trace: where it ran, what touched a byte, what stands next to an event."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.trace import EventKind, InstructionFlag, TraceError
from emu.trace.query import where
from tests.trace.made import BASE, SOURCE, STACK, TARGET, copied
from tests.trace.made_steps import Sliced

PLAIN = copied(b"abcdefgh")
RETRIED = copied(b"abcdefgh", fault_at=3)
TRAPPED = 3 * 6


def test_no_condition_is_every_instruction() -> None:
    assert where(PLAIN).tolist() == list(range(len(PLAIN)))


class TestRip:
    @pytest.mark.parametrize("rip", [BASE + 3, (BASE + 3, BASE + 4), range(BASE + 3, BASE + 5), "byte_copy+3"])
    def test_one_instruction(self, rip: object) -> None:
        assert where(PLAIN, rip=rip).tolist() == list(range(1, 48, 6))

    @pytest.mark.parametrize("rip", ["byte_copy", "copy.sys!byte_copy", (BASE, BASE + 0x100), (0, 1 << 64)])
    def test_the_whole_function(self, rip: object) -> None:
        assert len(where(PLAIN, rip=rip)) == len(PLAIN)

    @pytest.mark.parametrize("rip", ["byte_copy+0", "byte_copy+0x0", "copy.sys!byte_copy+0", BASE])
    def test_its_first_instruction(self, rip: object) -> None:
        assert where(PLAIN, rip=rip).tolist() == list(range(0, 48, 6))

    def test_an_offset_that_did_not_run(self) -> None:
        assert not len(where(PLAIN, rip="byte_copy+0x1"))
        assert not len(where(PLAIN, rip=(BASE, BASE)))

    def test_an_unknown_name_is_answered_with_the_nearest(self) -> None:
        with pytest.raises(TraceError, match="no code named 'byte_cpy' ran in this trace; did you mean byte_copy"):
            where(PLAIN, rip="byte_cpy+0x10")
        with pytest.raises(TraceError, match=r"did you mean copy\.sys!byte_copy"):
            where(PLAIN, rip="cpy.sys!byte_copy")

    @pytest.mark.parametrize("rip", ["", "+0x10", "a!b!c", "a+zz"])
    def test_no_name(self, rip: str) -> None:
        with pytest.raises(TraceError, match="is no name of code"):
            where(PLAIN, rip=rip)

    @pytest.mark.parametrize("rip", [1.5, (2, 1), (0, 1 << 65), range(0, 8, 2), -1])
    def test_no_place(self, rip: object) -> None:
        with pytest.raises(TraceError, match="rip="):
            where(PLAIN, rip=rip)


class TestAddress:
    @pytest.mark.parametrize("address", [SOURCE + 5, (SOURCE + 5, SOURCE + 6), range(SOURCE + 5, SOURCE + 6)])
    def test_a_byte(self, address: object) -> None:
        assert where(PLAIN, address=address).tolist() == [5 * 6]

    @pytest.mark.parametrize("byte", range(8))
    def test_every_byte_of_an_access_counts(self, byte: int) -> None:
        assert where(PLAIN, address=STACK + byte).tolist() == [48]

    def test_beside_an_access(self) -> None:
        assert not len(where(PLAIN, address=(STACK + 8, STACK + 16)))
        assert not len(where(PLAIN, address=STACK - 1))

    def test_a_buffer(self) -> None:
        assert where(PLAIN, address=PLAIN.buffers[1]).tolist() == list(range(1, 48, 6))
        assert where(PLAIN, address=SimpleNamespace(address=TARGET + 7, size=64)).tolist() == [43]

    def test_no_place(self) -> None:
        with pytest.raises(TraceError, match="address='source' names no place"):
            where(PLAIN, address="source")


class TestKind:
    def test_accesses(self) -> None:
        assert where(PLAIN, kind="read").tolist() == [*range(0, 48, 6), 48]
        assert where(PLAIN, kind="write").tolist() == list(range(1, 48, 6))

    def test_one_access_meets_both(self) -> None:
        assert where(PLAIN, kind="read", address=SOURCE).tolist() == [0]
        assert not len(where(PLAIN, kind="write", address=SOURCE))

    def test_trapped(self) -> None:
        assert where(RETRIED, kind="trapped").tolist() == [TRAPPED]

    @pytest.mark.parametrize("kind", ["PagedIn", EventKind.PagedIn, EventKind.TrapTaken])
    def test_on_both_sides_of_an_event(self, kind: EventKind | str) -> None:
        assert where(RETRIED, kind=kind).tolist() == [TRAPPED, TRAPPED + 1]
        assert where(RETRIED, kind=kind, address=SOURCE + 3).tolist() == [TRAPPED + 1]

    def test_an_event_at_the_end(self) -> None:
        stopped = copied(b"abcdefgh", fault_at=3, retried=False)
        assert where(stopped, kind="ExceptionRaised").tolist() == [TRAPPED]

    def test_no_kind(self) -> None:
        with pytest.raises(TraceError, match=r"kind='pagedin' does not exist; did you mean PagedIn"):
            where(PLAIN, kind="pagedin")
        with pytest.raises(TraceError, match="there are read, write, trapped, TrapTaken"):
            where(PLAIN, kind="@")


@given(size=st.integers(1, 60), fault_at=st.none() | st.integers(0, 7), retried=st.booleans(), what=st.data())
def test_pieces_do_not_matter(size: int, fault_at: int | None, retried: bool, what: st.DataObject) -> None:
    whole = copied(b"abcdefgh", fault_at=fault_at, retried=retried)
    address = what.draw(st.none() | st.integers(-1, 9).map(lambda byte: SOURCE + byte))
    kind = what.draw(st.none() | st.sampled_from(["read", "write", "trapped", "TrapTaken", "PagedIn"]))
    rip = what.draw(st.none() | st.sampled_from([BASE, "byte_copy", (BASE, BASE + 4)]))
    found = where(whole, rip=rip, address=address, kind=kind)
    assert np.array_equal(where(Sliced(whole, size), rip=rip, address=address, kind=kind), found)
    assert (np.diff(found) > 0).all()
    if kind == "trapped":
        assert (whole.instructions["flags"][found] & InstructionFlag.TRAPPED).all()
