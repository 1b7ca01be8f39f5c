# SPDX-License-Identifier: GPL-2.0-or-later
"""How findings read."""

from __future__ import annotations

from emu.address import Gva
from emu.checks import Finding, Place

PLACE = Place(Gva(0xFFFF_F800_0000_1234), "driver!Read+0x4", "mov eax, [rcx]", "driver.c", 12)


def test_a_finding_is_an_explanation() -> None:
    finding = Finding("irql", "is called too high", PLACE, ("because", "called from driver!Dispatch"), "Read/args=none")
    assert str(finding).splitlines() == [
        "irql: is called too high",
        "  at driver!Read+0x4 `mov eax, [rcx]` (driver.c:12)",
        "  because",
        "  called from driver!Dispatch",
        "  emu replay Read/args=none",
    ]
    assert finding.headline == "irql: is called too high"
    assert finding.where.function == "driver!Read"


def test_a_place_without_source_and_instruction() -> None:
    place = Place(Gva(0x1234), "0x1234")
    assert str(place) == "0x1234"
    assert place.source == ""
    assert place.function == "0x1234"


def test_a_replay_id_is_given_later() -> None:
    finding = Finding("irql", "is called too high", PLACE)
    again = finding.with_replay("Read/args=none")
    assert again.replay == "Read/args=none"
    assert again.identity == finding.identity
    assert again != finding
