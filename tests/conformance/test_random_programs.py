# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs at CPL 0, and random damage to the stack while a filter runs: always one of the five outcomes, never
an error of the host's, and a reset that gives back every byte."""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emu import Bugchecked, Machine, Raised, Returned, TimedOut, Unmodelled
from emu.nt.context import CONTEXT
from tests.conformance.machines import boot, code, kernel_memory, still_copies
from tests.conformance.observer import ABSOLUTE, ORIGINAL_CONTEXT, RECORD, Observer

OUTCOMES = Returned | Raised | Bugchecked | TimedOut | Unmodelled

FEW = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
MANY = settings(FEW, max_examples=int(os.environ.get("EMU_SWEEP_EXAMPLES", "20000")), derandomize=False)

SYSTEM = [
    bytes.fromhex(text)
    for text in [
        "0f20c0",
        "0f22c0",
        "0f20d8",
        "0f22d8",
        "0f22e0",
        "440f22c0",
        "440f20c0",
        "0f30",
        "0f32",
        "0f01d8",
        "0f01d9",
        "0f0110",
        "0f0118",
        "0f011f",
        "0f01f8",
        "48cf",
        "480f07",
        "0f05",
        "0f34",
        "f4",
        "cc",
        "cd29",
        "cd2c",
        "cd2d",
        "cd0e",
        "cd0d",
        "cd08",
        "cd0c",
        "cd03",
        "cdff",
        "f1",
        "0f0b",
        "fa",
        "fb",
        "0fae10",
        "0fae18",
        "fc",
        "fd",
        "9d",
        "9c",
        "0f21f8",
        "0f23f8",
        "0f23c0",
        "0f06",
        "0f08",
        "0f09",
        "e4",
        "ee",
        "6c",
        "6f",
        "c8100001",
        "ca0000",
        "cb",
        "48cb",
        "ff28",
        "ff18",
        "0f00d8",
        "0f00d0",
        "8ed0",
        "8ed8",
        "0fb210",
        "0fa1",
        "f3a4",
        "f3aa",
        "f3ab",
        "c5fc58c0",
        "0f01d0",
        "0fa2",
        "0f31",
        "0f01cb",
        "0f01ca",
        "0fc7f0",
        "0fae38",
        "ebfe",
        "e9",
        "e8",
        "c3",
        "c2ffff",
        "f30faed0",
        "f3480faed8",
        "0f01f9",
        "0f0139",
        "50",
        "58",
        "54",
        "5c",
        "4883ec08",
        "4883c408",
        "488b21",
        "48c7042400000000",
        "0fa9",
        "0fa0",
        "f7f1",
        "48f7f9",
        "f0480fb101",
        "0f2801",
        "660fe701",
        "0fae01",
        "0fae09",
        "d9d0",
        "dd01",
        "9b",
        "dbe3",
        "0f77",
        "f00fc101",
        "8700",
        "c9",
        "c0e000",
        "48cd80",
    ]
]

VALUES = [
    *(0, 1, 2, 8, 0x10, 0x2B, 0x33, 0x202, 0x1_0000, 0x1000_0000, 0x8000_0000_0000, 0x8005_0033, 0xC000_0080),
    *(0xFFFF_9000_0001_4000, 0xFFFF_9000_0001_5F00, 0xFFFF_F800_0000_1000, 0xFFFF_A000_0003_0000, (1 << 64) - 8),
]

LOADS = st.builds(
    lambda register, value: bytes((0x48, 0xB8 + register)) + value.to_bytes(8, "little"),
    st.integers(0, 7),
    st.one_of(st.sampled_from(VALUES), st.integers(0, (1 << 64) - 1)),
)

PROGRAMS = st.lists(
    st.one_of(st.sampled_from(SYSTEM), LOADS, st.binary(min_size=1, max_size=8)), min_size=1, max_size=12
).map(b"".join)


def run_random_program(machine: Machine, before: bytes, program: bytes, guarded: bool, irql: int) -> None:
    user = machine.user.alloc(bytes(range(256)))
    kernel = machine.kernel.alloc(256)
    outcome = machine.call(
        code(machine, program, "rwx"), user, kernel, 64, 0x7FFF_FFFF_0000, guarded=guarded, irql=irql, budget=3000
    )
    assert isinstance(outcome, OUTCOMES)
    assert str(outcome)
    assert not machine._caller.run_loop._waiting
    machine.reset()
    assert kernel_memory(machine) == before
    still_copies(machine)
    machine.reset()


@pytest.mark.parametrize("profile", ["skylake-server", "nehalem", "epyc-rome,smap=permit"])
def test_random_programs(profile: str) -> None:
    machine = boot(profile)
    before = kernel_memory(machine)

    @FEW
    @given(program=PROGRAMS, guarded=st.booleans(), irql=st.sampled_from([0, 0, 0, 2, 15]))
    @example(program=b"\xcd\x0e", guarded=True, irql=0)
    @example(program=bytes.fromhex("48b8000000000000000050 9d 90"), guarded=True, irql=0)
    def run(program: bytes, guarded: bool, irql: int) -> None:
        run_random_program(machine, before, program, guarded, irql)

    run()


@pytest.mark.sweep
def test_many_random_programs() -> None:
    machine = boot()
    before = kernel_memory(machine)

    @MANY
    @given(program=PROGRAMS, guarded=st.booleans(), irql=st.sampled_from([0, 0, 0, 2, 15]))
    def run(program: bytes, guarded: bool, irql: int) -> None:
        run_random_program(machine, before, program, guarded, irql)

    run()


class Damage:
    """A filter that writes where it pleases while its own dispatch is under way."""

    def __init__(self) -> None:
        self.prepare()
        stack = self.machine._system.stack
        self.observer.run("clobber_and_read", self.bad, answers=(1, 1))
        deepest = self.observer.report.stack_pointer - 0x300
        quadwords = st.integers(deepest // 8, stack.high // 8 - 1).map(lambda index: index * 8)
        interesting = st.sampled_from(
            [
                *VALUES,
                *(self.machine._system.kernel[name] for name in ("KiTrapEntryReturn", "KiDispatchExceptionReturn")),
                *(self.observer[name] for name in ("read_byte", "observed_filter", "recording_handler")),
                *(stack.low, stack.high, stack.high - 0x200, deepest),
            ]
        )
        values = st.one_of(interesting, st.integers(0, (1 << 64) - 1))
        pokes = st.one_of(
            st.tuples(st.just((1 << 64) - 1), st.just(ABSOLUTE), quadwords, values),
            st.tuples(st.just(0), st.just(ORIGINAL_CONTEXT), st.integers(0, 0x99).map(lambda at: at * 8), values),
            st.tuples(st.just(0), st.just(RECORD), st.integers(0, 18).map(lambda at: at * 8), values),
            st.tuples(
                st.just(0),
                st.just(ORIGINAL_CONTEXT),
                st.sampled_from([CONTEXT.Rsp.offset, CONTEXT.Rip.offset]),
                quadwords,
            ),
        )
        self.pokes = st.lists(pokes, min_size=1, max_size=6)

    def prepare(self) -> None:
        self.machine = boot()
        self.observer = Observer(self.machine)
        bad = self.machine.user.alloc(64)
        self.machine.user.protect(bad, "none")
        self.bad = bad.address

    def run(self, pokes: list[tuple[int, int, int, int]], answer: int, caller: str, target: str, call: int) -> None:
        outcome = self.observer.run(
            target,
            self.bad,
            caller=caller,
            answers=(answer, 1),
            pokes=pokes,
            dispositions=[1] * call + [answer & 3] + [1] * (7 - call),
            budget=20_000,
        )
        assert isinstance(outcome, OUTCOMES)
        assert str(outcome)
        assert not self.machine._caller.run_loop._waiting
        if not isinstance(outcome, Returned | Raised):
            self.prepare()


CALLERS = st.sampled_from(["observed_call", "handled_call", "passing_call", "jumping_call"])
TARGETS = st.sampled_from(["read_byte", "clobber_and_read", "framed_read", "fault_in_prologue"])
ANSWERS = st.sampled_from([-1, 0, 1])


def test_random_damage() -> None:
    damage = Damage()

    @settings(FEW, max_examples=1000)
    @given(pokes=damage.pokes, answer=ANSWERS, caller=CALLERS, target=TARGETS, call=st.integers(0, 1))
    def run(pokes: list[tuple[int, int, int, int]], answer: int, caller: str, target: str, call: int) -> None:
        damage.run(pokes, answer, caller, target, call)

    run()
    damage.machine.reset()
    still_copies(damage.machine)


@pytest.mark.sweep
def test_much_random_damage() -> None:
    damage = Damage()

    @MANY
    @given(pokes=damage.pokes, answer=ANSWERS, caller=CALLERS, target=TARGETS, call=st.integers(0, 1))
    def run(pokes: list[tuple[int, int, int, int]], answer: int, caller: str, target: str, call: int) -> None:
        damage.run(pokes, answer, caller, target, call)

    run()
