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
from tests.fuzz.instructions import SYSTEM, VALUES

OUTCOMES = Returned | Raised | Bugchecked | TimedOut | Unmodelled

FEW = settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
MANY = settings(FEW, max_examples=int(os.environ.get("EMU_SWEEP_EXAMPLES", "20000")), derandomize=False)

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
