# SPDX-License-Identifier: GPL-2.0-or-later
"""A fault at the k-th access strikes exactly there, for every access that a traced program makes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest

from emu import Machine
from emu.address import PAGE_SIZE
from emu.outcome import Outcome
from tests.conformance.machines import boot
from tests.faults.failing_accesses import BUDGET, Setup, check
from tests.trace.random_code import BUFFER, RandomCode

PROFILES: Final = ("nehalem", "skylake-server", "epyc-rome,smap=permit")
INSTRUCTIONS: Final = {
    "loads": "8a06 668b06 8b06 488b06 0f1006 0f2806 f30f6f06 0f1206 ac 48ad d906 dd06 db2e",
    "stores": "8807 668907 8907 488907 0f1107 0f2907 f30f7f07 0f1307 aa 48ab d9e8d91f d9e8db3f 0fe707",
    "stack": "53 5b ff36 8f06 9c 9d e800000000 58 c8080000 c9",
    "changes": "0007 480107 fe07 48ff07 480fc11f f0480fc11f 48871f 0fb01f f0480fb11f 480fba2f05 d007 48f71f",
    "wide": "0fc70e 480fc70e f0480fc70e 660f7f07 660fe707 0fae07 0fae0e",
    "repeats": "b905000000 f3a4 b903000000 f348a5 b904000000 f3aa b904000000 f2ae b904000000 f3a6 b903000000 f348ad",
}


def copying(length: int, offset: int) -> Setup:
    def prepare(machine: Machine) -> Callable[[], Outcome]:
        source = machine.user.alloc(random.Random(length).randbytes(length), offset=offset)
        target = machine.kernel.alloc(length, offset=(3 * offset) % PAGE_SIZE)
        return lambda: machine.call("CopyFromUser", target, source, length, budget=BUDGET)

    return prepare


def running(code: Callable[[int, int, int], bytes], seed: int) -> Setup:
    def prepare(machine: Machine) -> Callable[[], Outcome]:
        content = random.Random(seed).randbytes(BUFFER)
        user, kernel, place = (
            machine.user.alloc(content),
            machine.kernel.alloc(content[::-1]),
            machine.kernel.alloc(BUFFER),
        )
        machine.kernel.protect(place, "rwx")
        place.write(code(place.address, user.address, kernel.address))
        return lambda: machine.call(place.address, kernel.address + 64, user.address + 64, budget=BUDGET)

    return prepare


def listed(name: str, offset: int) -> Setup:
    """The instructions of a list, with RSI in user and RDI in kernel memory, `offset` bytes behind the begin."""

    def code(_: int, user: int, kernel: int) -> bytes:
        point = (
            b"\x48\xbe" + (user + offset).to_bytes(8, "little") + b"\x48\xbf" + (kernel + offset).to_bytes(8, "little")
        )
        pieces = INSTRUCTIONS[name].split()
        if name == "stack":
            return bytes.fromhex(INSTRUCTIONS[name]) + b"\xc3"
        return (
            b"".join((point if not piece.startswith("f") else b"") + bytes.fromhex(piece) for piece in pieces) + b"\xc3"
        )

    return running(code, len(name))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("length", [1, 7, 16, 33, 64, 130])
def test_of_a_copy(profile: str, length: int) -> None:
    assert check(profile, copying(length, -(length // 2) % PAGE_SIZE), 60) >= 2 * min(length, 3)


@pytest.mark.parametrize("name", INSTRUCTIONS)
@pytest.mark.parametrize("offset", [64, 4096 - 3])
def test_of_every_kind_of_instruction(name: str, offset: int) -> None:
    assert check("nehalem", listed(name, offset if name != "wide" else 64), 200) > 5


@pytest.mark.parametrize("seed", range(4))
def test_of_random_code(seed: int) -> None:
    check("skylake-server,smap=permit", running(RandomCode(seed, reads_clock=False).assemble, seed), 40)


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(4, 60))
def test_of_more_random_code(seed: int) -> None:
    check("skylake-server,smap=permit", running(RandomCode(seed, reads_clock=False).assemble, seed), 200)


def test_traces_of_a_machine_that_waits_run_again() -> None:
    """Its blocks are cut by what it has translated before, long ones among them."""
    for seed in range(12):
        machine = boot("epyc-rome,smap=permit")
        call = running(RandomCode(seed, reads_clock=False).assemble, seed)(machine)
        machine.inject("flip=1@rbx,insn=1000000")
        with machine.trace() as trace:
            call()
        assert sum(len(chunk.instructions) for chunk in trace.chunks(50)) == len(trace)
