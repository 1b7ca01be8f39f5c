# SPDX-License-Identifier: GPL-2.0-or-later
"""Two stops that differ are told apart, by each of their parts."""

from __future__ import annotations

import pytest

from tests.silicon.world import PAGE, Page, Stop, differences, make_stop, pack_registers

PAGES = (Page(0x1000, "rx", b"\xcc" * PAGE), Page(0x2000, "rw", bytes(PAGE)), Page(0x3000, "rw", bytes(PAGE)))
STOP = make_stop(14, 4, 0x2000, pack_registers({"rip": 0x1000, "rflags": 0x202}, bytes(256)), [bytes(PAGE)] * 2)


def test_equal_stops_differ_in_nothing() -> None:
    assert differences(STOP, STOP, PAGES) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (STOP._replace(vector=13), "vector: silicon 0xe, engine 0xd"),
        (STOP._replace(error_code=6), "error_code: silicon 0x4, engine 0x6"),
        (STOP._replace(address=0x2001), "address: silicon 0x2000, engine 0x2001"),
        (STOP._replace(general=(7, *STOP.general[1:])), "rax: silicon 0x0, engine 0x7"),
        (STOP._replace(general=(*STOP.general[:17], 0x203)), "rflags: silicon 0x202, engine 0x203"),
        (STOP._replace(xmm=bytes(255) + b"\1"), f"xmm15: silicon {'00' * 16}, engine {'00' * 15}01"),
        (STOP._replace(pages=(bytes(PAGE), bytes(PAGE - 2) + b"\1\2")), "0x3ffe: silicon 0000, engine 0102"),
    ],
)
def test_what_differs_is_said(other: Stop, said: str) -> None:
    assert differences(STOP, other, PAGES) == [said]


def test_the_resume_flag_is_left_out() -> None:
    registers = pack_registers({"rip": 0x1000, "rflags": 0x1_0202}, bytes(256))
    assert make_stop(14, 4, 0x2000, registers, STOP.pages) == STOP


def test_cr2_counts_for_page_faults_alone() -> None:
    assert make_stop(13, 0, 0x2000, pack_registers({}, bytes(256)), STOP.pages).address == 0
