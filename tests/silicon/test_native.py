# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner gives code exactly what it is told to, and what goes wrong in it ends it alone."""

from __future__ import annotations

import random

import pytest

from emu.cpu import registers as r
from emu.cpu.trap import Vector
from tests.silicon.native import needs_silicon, run_natively
from tests.silicon.world import PAGE, Case, Page, make_stop, pack_registers

pytestmark = needs_silicon

CODE, DATA = 0x2000_0000_0000, 0x2000_0001_0000


def _pages(code: str) -> list[Page]:
    content = bytes.fromhex(code).ljust(PAGE, b"\xcc")
    return [Page(CODE, "rx", content), Page(DATA, "rw", b"\x11" * PAGE)]


def test_every_register_comes_through() -> None:
    generator = random.Random(0)
    for flags in (0x202, 0x202 | r.FLAGS_ARITHMETIC, 0x202 | r.FLAG_DF):
        given = {name: generator.getrandbits(64) for name in r.GPR_NAMES} | {"rip": CODE, "rflags": flags}
        xmm = generator.randbytes(256)
        (stop,) = run_natively(_pages(""), [Case(pack_registers(given, xmm), "int3")])
        expected = pack_registers({**given, "rip": CODE + 1}, xmm)
        assert stop == make_stop(Vector.BREAKPOINT, 0, 0, expected, [b"\x11" * PAGE])


def test_each_run_begins_with_the_pages_as_they_are_told() -> None:
    store = pack_registers({"rip": CODE, "rflags": 0x202, "rdi": DATA + 5}, bytes(256))  # mov byte ptr [rdi], 0
    cases = [Case(store, "plain"), Case(store, "poked", ((DATA + 6, 0x22),)), Case(store, "plain again")]
    first, second, third = (stop.pages[0][:8] for stop in run_natively(_pages("c60700"), cases))
    assert first == third == b"\x11\x11\x11\x11\x11\0\x11\x11"
    assert second == b"\x11\x11\x11\x11\x11\0\x22\x11"


def test_what_ends_the_runner_fails_the_test_alone() -> None:
    begin = pack_registers({"rip": CODE, "rflags": 0x202, "rax": 60, "rdi": 3}, bytes(256))
    with pytest.raises(pytest.fail.Exception, match="ended with status 3 after 0 of 2 cases"):
        run_natively(_pages("0f05"), [Case(begin, "exit(3)")] * 2)  # syscall
