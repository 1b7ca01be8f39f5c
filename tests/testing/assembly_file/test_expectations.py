# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of what a call is expected to call and to print; the other expectations are tested where they are run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emu import Returned
from emu.address import Gva
from emu.events import DebugPrinted, Event, ExportCalled
from emu.testing.assembly_file.expectations import Happened, out_of_order
from emu.testing.assembly_file.model import Exports, Prints, Value

NAMES = st.sampled_from("abc")
EVENTS = st.one_of(NAMES.map(lambda name: ExportCalled(name, Gva(0))), NAMES.map(lambda text: DebugPrinted(text, 0, 0)))
EXPECTED = st.one_of(NAMES.map(Exports), NAMES.map(Prints))


def happened(events: list[Event]) -> Happened:
    def address_of(value: Value) -> int:
        raise AssertionError(value)

    return Happened(Returned(0), tuple(events), {}, {}, (), address_of, hex)


def is_part(wanted: list[str], found: list[str]) -> bool:
    """Tell whether all that is wanted is found in its order."""
    rest = iter(found)
    return all(name in rest for name in wanted)


@given(st.lists(EVENTS, max_size=8), st.lists(EXPECTED, max_size=4))
def test_exports_and_texts_each_come_in_their_order(events: list[Event], expected: list[Exports | Prints]) -> None:
    called = is_part(
        [each.name for each in expected if isinstance(each, Exports)],
        [each.name for each in events if isinstance(each, ExportCalled)],
    )
    printed = is_part(
        [each.text for each in expected if isinstance(each, Prints)],
        [each.text for each in events if isinstance(each, DebugPrinted)],
    )
    wrong = out_of_order(happened(events), expected)
    assert (wrong is None) == (called and printed)
    if wrong is not None:
        assert wrong[0] in expected
        assert all(wrong[1])


def test_what_came_is_told() -> None:
    events: list[Event] = [ExportCalled("a", Gva(0)), DebugPrinted("one", 0, 0), ExportCalled("b", Gva(0))]
    assert out_of_order(happened(events), [Exports("b"), Exports("a")]) == (
        Exports("a"),
        ["up to the line before it called a, b", "and behind that nothing"],
    )
    assert out_of_order(happened(events), [Prints("two")]) == (Prints("two"), ["it printed 'one'"])
