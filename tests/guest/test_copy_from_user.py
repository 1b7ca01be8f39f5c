# SPDX-License-Identifier: GPL-2.0-or-later
"""CopyFromUser copies exactly: every length, every pair of alignments, every profile, every path."""

from collections.abc import Iterable

import pytest

from emu import Machine, Returned
from tests.guest.copies import PAGE, Copies
from tests.guest.machines import ALL_PROFILES

ERMS_PAYS = 512
"""From this length on the routine takes `rep movsb` where the CPU has ERMS."""

SAMPLE_LENGTHS = (*range(71), *range(126, 131), *range(190, 194), 255, 256, 257, 300)
SAMPLE_OFFSETS = (0, 1, 7, 8, 15)


def _copy_all(copies: Copies, lengths: Iterable[int], offsets: Iterable[int]) -> None:
    offsets = tuple(offsets)
    for length in lengths:
        for source_offset in offsets:
            for target_offset in offsets:
                copies.copy(length, source_offset, target_offset)


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
def test_copies_exactly(machine: Machine) -> None:
    """Lengths 0 to 70 and those around 128, 192, 256 and 300, at offsets 0, 1, 7, 8 and 15 of source and target.

    64 bytes of poison on both sides of the target stay, and so does the source. The sweep has all of
    0 to 300 × 16 × 16.
    """
    _copy_all(Copies(machine, 300), SAMPLE_LENGTHS, SAMPLE_OFFSETS)


@pytest.mark.sweep
@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
def test_copies_every_length_at_every_alignment(machine: Machine) -> None:
    """Every length 0 to 300 × source offset 0 to 15 × target offset 0 to 15: 77,056 copies a profile."""
    _copy_all(Copies(machine, 300), range(301), range(16))


@pytest.mark.parametrize("machine", ALL_PROFILES, indirect=True)
def test_copies_long_ranges(machine: Machine) -> None:
    """Around the length at which `rep movsb` begins, around one page and two, and 64 KiB: across pages."""
    lengths = [at + near for at in (ERMS_PAYS, PAGE, 2 * PAGE) for near in (-1, 0, 1, 63, 64)]
    copies = Copies(machine, 0x10000)
    for length in lengths:
        for source_offset, target_offset in ((0, 0), (1, 0), (0, 1), (7, 9), (8, 8), (15, 15)):
            copies.copy(length, source_offset, target_offset)
    copies.copy(0x10000)
    copies.copy(0x10000, 3, 13)


@pytest.mark.sweep
@pytest.mark.parametrize("machine", ["nehalem", "skylake-server"], indirect=True)
def test_copies_long_ranges_at_every_alignment(machine: Machine) -> None:
    """Lengths around 512, one page and two × 16 × 16, on the wide path and by `rep movsb`."""
    lengths = [at + near for at in (ERMS_PAYS, PAGE, 2 * PAGE) for near in (-1, 0, 1)]
    _copy_all(Copies(machine, 2 * PAGE + 1), lengths, range(16))


@pytest.mark.parametrize("machine", ["nehalem", "skylake-server"], indirect=True)
@pytest.mark.parametrize("at", ["start", "end"])
def test_reads_and_writes_nothing_outside_the_ranges(machine: Machine, at: str) -> None:
    """Source and target fill their pages to an edge, and the page beyond is absent: no touch goes over it.

    Lengths 0 to 300, 511 to 600 and two pages.
    """
    source, target = machine.user.alloc(bytes(2 * PAGE)), machine.kernel.alloc(2 * PAGE)
    for length in (*range(301), *range(511, 601), 2 * PAGE):
        skipped = 0 if at == "start" else 2 * PAGE - length
        outcome = machine.call("CopyFromUser", target.address + skipped, source.address + skipped, length)
        assert type(outcome) is Returned, f"length {length}: {outcome}"
