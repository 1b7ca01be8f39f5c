# SPDX-License-Identifier: GPL-2.0-or-later
"""Differences of two traces: the first one, the way back to what is the same, and how they read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine
from emu.address import Gva
from emu.events import DebugPrinted, ExceptionRaised, PoolAllocated, TrapTaken
from emu.trace import Trace, TracedBuffer
from emu.trace.diff import WINDOW, TraceDiff, diff, equal
from tests.trace.made import copied
from tests.trace.made_steps import MODULE, Sliced, Step, stepped

TEXT = b"abcdefghijkl"
PLAIN = copied(TEXT)
AT = 0x5000


def differ(a: Trace, b: Trace, *, window: int = WINDOW) -> TraceDiff:
    """Return the difference, which is the other way round the same, and no matter in what pieces it is found."""
    assert not equal(a, b)
    found = diff(a, b, window=window)
    assert found is not None
    back = diff(Sliced(b, 5), Sliced(a, 7), window=window)
    assert back is not None
    assert back.divergence == found.divergence
    assert (back.count("removed"), back.count("added")) == (found.count("added"), found.count("removed"))
    return found


def kinds(difference: TraceDiff) -> list[tuple[str, int, int]]:
    return [(hunk.what, len(hunk.a), len(hunk.b)) for hunk in difference.hunks]


class TestSame:
    @pytest.mark.parametrize("pieces", [1, 5, 1000])
    def test_nothing_differs(self, pieces: int) -> None:
        assert diff(Sliced(PLAIN, pieces), Sliced(copied(TEXT), pieces)) is None
        assert equal(Sliced(PLAIN, pieces), Sliced(PLAIN, pieces))

    def test_numbers_of_code_do_not_matter(self) -> None:
        first, second = Step("90", offset=0), Step("ffc0", offset=1)
        a = stepped([first, second])
        b = stepped([second, first, second])
        assert [entry.offset for entry in b.code] == [1, 0]
        found = differ(a, b)
        assert kinds(found) == [("added", 0, 1), ("same", 2, 2)]

    def test_empty_traces(self) -> None:
        assert diff(stepped([]), stepped([])) is None
        found = differ(stepped([]), stepped([Step("90")]))
        assert (found.divergence.at, found.divergence.what) == (0, "end")
        assert kinds(found) == [("added", 0, 1)]


class TestFirstDifference:
    def test_a_value(self) -> None:
        found = differ(PLAIN, copied(b"abcdXfghijkl"))
        assert found.divergence == (24, "value", 0)
        assert kinds(found) == [("same", 3, 3), ("changed", 2, 2), ("same", 47, 47)]
        assert found.complete

    def test_an_instruction(self) -> None:
        found = differ(PLAIN, copied(TEXT[:8]))
        assert found.divergence == (48, "instruction", 0)
        assert kinds(found) == [("same", 3, 3), ("removed", 24, 0), ("same", 1, 1)]

    def test_a_retry(self) -> None:
        found = differ(PLAIN, copied(TEXT, fault_at=3))
        assert found.divergence == (18, "instruction", 0)
        assert kinds(found) == [("same", 3, 3), ("added", 0, 1), ("events", 1, 1), ("same", 54, 54)]

    def test_an_event(self) -> None:
        steps = [Step("90"), Step("90", before=(DebugPrinted("hello", 0, 0), DebugPrinted("you", 0, 0)))]
        other = [Step("90"), Step("90", before=(DebugPrinted("hello", 0, 0), DebugPrinted("me", 0, 0)))]
        found = differ(stepped(steps), stepped(other))
        assert found.divergence == (1, "event", 1)
        assert kinds(found) == [("same", 1, 1), ("events", 1, 1)]
        assert differ(stepped(steps), stepped([Step("90"), Step("90")])).divergence == (1, "event", 0)

    def test_an_event_at_the_end(self) -> None:
        steps = [Step("90")]
        found = differ(stepped(steps), stepped(steps, behind=(DebugPrinted("bye", 0, 0),)))
        assert found.divergence == (1, "event", 0)
        assert kinds(found) == [("same", 1, 1)]
        assert str(found).splitlines() == [
            "the traces differ from instruction 1 on: before it, no event in the first, DebugPrinted in the second",
            "        0         made.sys!steps              nop",
            "+                 DebugPrinted",
            "no instruction differs; up to the end of both",
        ]

    def test_an_event_counts_before_its_instruction(self) -> None:
        event = DebugPrinted("hello", 0, 0)
        found = differ(stepped([Step("90")]), stepped([Step("ffc0", before=(event,))]))
        assert found.divergence == (0, "event", 0)

    @pytest.mark.parametrize(
        ("touch", "what"),
        [
            (("r", AT, b"aX"), "value"),
            (("r", AT + 1, b"ab"), "access"),
            (("w", AT, b"ab"), "access"),
            (("r", AT, b"abc\0"), "access"),
        ],
    )
    def test_what_is_different_about_an_access(self, touch: tuple[str, int, bytes], what: str) -> None:
        same = ("r", AT, b"ab")
        a, b = ([Step("90"), Step("a4", (same, each))] for each in (same, touch))
        assert differ(stepped(a), stepped(b)).divergence == (1, what, 1)

    def test_the_number_of_accesses(self) -> None:
        same = ("r", AT, b"ab")
        a, b = stepped([Step("a4", (same, same))]), stepped([Step("a4", (same,))])
        assert differ(a, b).divergence == (0, "access", 1)
        other = stepped([Step("a4", (("r", AT, b"xy"),))])
        assert differ(a, other).divergence == (0, "access", 0)

    def test_code_that_changed(self) -> None:
        a, b = (stepped([Step(code, offset=0)]) for code in ("90", "cc"))
        found = differ(a, b)
        assert found.divergence == (0, "instruction", 0)
        assert kinds(found) == [("removed", 1, 0), ("added", 0, 1)]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("longer", [False, True])
def test_events_at_the_end_of_a_piece(monkeypatch: pytest.MonkeyPatch, size: int, longer: bool) -> None:
    """They are the same ones whether the piece is the last one or not."""
    monkeypatch.setattr("emu.trace.diff.CHUNK", size)
    event = DebugPrinted("bye", 0, 0)
    a = stepped([Step("90")] * 4, behind=(event,))
    assert equal(a, Sliced(stepped([Step("90")] * 4, behind=(event,)), 3))
    b = stepped([*[Step("90")] * 4, Step("90", before=(event,))])
    found = diff(*((b, a) if longer else (a, b)))
    assert found is not None
    assert found.divergence == (4, "end", 0)
    assert found.count("removed" if longer else "added") == 1


class TestOtherPlaces:
    """The same run, with module and buffers elsewhere."""

    def run(self, base: int, buffer: int, *, beyond: int = 0, name: str = "data") -> Trace:
        pointer = (buffer + 8).to_bytes(8, "little")
        steps = [
            Step("488b06", (("r", buffer + 0x10, pointer),)),
            Step("c3", (("r", buffer + 0x38 + beyond, (base + 0x10).to_bytes(8, "little")),)),
            Step("90", before=(TrapTaken(14, 0, Gva(buffer + 3), Gva(base), "none"),)),
            Step("90", before=(ExceptionRaised(0xC000_0005, Gva(base), (0, buffer + 3), False),)),
        ]
        return stepped(steps, base=base, buffers=[TracedBuffer(name, Gva(buffer), 0x40, True)])

    a = property(lambda self: self.run(MODULE, 0x1_0000))

    def test_relative_they_are_the_same(self) -> None:
        b = self.run(MODULE + 0x7000, 0x9_3000)
        assert equal(self.a, b)
        assert diff(self.a, b) is None
        assert not equal(self.a, b, relative=False)

    def test_absolute_the_code_differs(self) -> None:
        found = diff(self.a, self.run(MODULE + 0x7000, 0x1_0000), relative=False)
        assert found is not None
        assert found.divergence == (0, "instruction", 0)

    def test_absolute_the_data_differs(self) -> None:
        found = diff(self.a, self.run(MODULE, 0x9_3000), relative=False)
        assert found is not None
        assert found.divergence == (0, "access", 0)

    def test_an_access_beyond_the_buffer(self) -> None:
        assert equal(self.run(MODULE, 0x1_0000, beyond=0x40), self.run(MODULE, 0x9_3000, beyond=0x40))

    def test_another_buffer(self) -> None:
        assert differ(self.a, self.run(MODULE, 0x9_3000, name="other")).divergence == (0, "access", 0)

    def test_a_number_that_looks_like_an_address(self) -> None:
        """It is the same number in both, although it lies in the buffer of one of them."""
        number = (0x1_0008).to_bytes(8, "little")
        a, b = (
            stepped([Step("488b06", (("r", buffer, number),))], buffers=[TracedBuffer("data", Gva(buffer), 0x40, True)])
            for buffer in (0x1_0000, 0x9_3000)
        )
        assert equal(a, b)

    def test_an_event_elsewhere(self) -> None:
        a, b = (
            stepped([Step("90", before=(PoolAllocated(Gva(0x7000), size, 0, Gva(MODULE)),))]) for size in (0x10, 0x20)
        )
        assert differ(a, b).divergence == (0, "event", 0)


class TestBounds:
    def test_a_small_window(self) -> None:
        found = differ(PLAIN, copied(b"Xbcdefghijkl"), window=4)
        assert found.divergence.at == 0
        assert kinds(found) == [("changed", 2, 2), ("same", 2, 2)]
        assert not found.complete
        assert str(found).endswith(
            "up to instruction 4 of the first and 4 of the second, a larger window= goes further"
        )

    def test_nothing_in_common(self) -> None:
        a, b = (stepped([Step(code)] * 3000) for code in ("90", "ffc0"))
        found = differ(a, b)
        assert kinds(found) == [("removed", 500, 0), ("added", 0, 500)]
        assert not found.complete

    @pytest.mark.parametrize(("window", "context"), [(0, 3), (4, -1)])
    def test_no_window(self, window: int, context: int) -> None:
        with pytest.raises(ValueError, match="a window has 1 instruction or more"):
            diff(PLAIN, PLAIN, window=window, context=context)


class TestText:
    def test_a_changed_value(self) -> None:
        lines = str(diff(PLAIN, copied(b"abcdXfghijkl"), context=1)).splitlines()
        assert lines[0] == (
            "the traces differ from instruction 24 on: copy.sys!byte_copy reads source+4 = 0x65 'e' in the first, "
            "reads source+4 = 0x58 'X' in the second"
        )
        assert [line[:10].split() for line in lines[1:6]] == [
            ["23"],
            ["-", "24"],
            ["+", "24"],
            ["-", "25"],
            ["+", "25"],
        ]
        assert lines[-2:] == ["    … 44 the same", "instructions: 2 with other accesses; up to the end of both"]

    def test_a_retry(self) -> None:
        text = str(diff(PLAIN, copied(TEXT, fault_at=3)))
        assert "movzx eax, byte ptr [rdx] (it trapped) in the second\n" in text
        assert "\n+                 PagedIn made by hand\n" in text
        assert "\n       18      19 copy.sys!byte_copy " in text
        assert "instructions: 1 only in the second, 1 with other events before them" in text

    def test_long_runs_are_cut(self) -> None:
        text = str(diff(copied(bytes(200)), copied(b"a")))
        assert "    … 1186 more of them" in text
        assert len(text.splitlines()) < 30

    def test_many_differences_are_cut(self) -> None:
        text = str(diff(copied(bytes(200)), copied(bytes([1, 0] * 100))))
        assert "\n    …\ninstructions: 200 with other accesses" in text
        assert len(text.splitlines()) <= 62


def test_a_page_in(machine_pair: tuple[Trace, Trace]) -> None:
    """Traces of a machine: a copy that needs a page, and one that does not."""
    resident, paged_out = machine_pair
    found = differ(resident, paged_out)
    assert found.divergence.what == "instruction"
    assert [what for what, _, _ in kinds(found)] == ["same", "added", "events", "same"]
    assert found.count("added") == 1
    assert "paged in" in str(found)
    assert equal(resident, resident)


@pytest.fixture(scope="module")
def machine_pair() -> tuple[Trace, Trace]:
    with Machine() as machine:
        source, target = machine.user.alloc(bytes(range(200))), machine.kernel.alloc(200)
        with machine.trace() as resident:
            machine.call("CopyFromUser", target, source, 100)
        machine.user.page_out(source)
        with machine.trace() as paged_out:
            machine.call("CopyFromUser", target, source, 100)
        assert len(resident) + 1 == len(paged_out)
        return resident, paged_out


BYTES = st.binary(min_size=1, max_size=20)


@given(a=BYTES, b=BYTES, pieces=st.integers(1, 40), window=st.integers(1, 200))
def test_hunks_cover_both_traces(a: bytes, b: bytes, pieces: int, window: int) -> None:
    first, second = Sliced(copied(a), pieces), Sliced(copied(b), 2 * pieces)
    found = diff(first, second, window=window)
    assert (found is None) == (a == b) == equal(first, second)
    if found is None:
        return
    at = [max(found.divergence.at - 3, 0)] * 2
    for hunk in found.hunks:
        assert [hunk.a.start, hunk.b.start] == at
        at = [hunk.a.stop, hunk.b.stop]
        assert hunk.a or hunk.b
    if found.complete:
        assert at == [len(first), len(second)]
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    assert found.divergence.at == common * 6
    assert str(found)
