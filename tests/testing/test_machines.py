# SPDX-License-Identifier: GPL-2.0-or-later
"""The logs that the machines of tests keep, and when they give them up."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Machine, Returned, TimedOut, build_guest
from emu.profile import Profile
from emu.testing import machines
from emu.testing.machines import LoggedMachine, MachinePool
from emu.trace.run_log import RunLog
from tests.testing.plugin_runs import BYTE_LOOP, ENDLESS


@pytest.fixture
def pool() -> MachinePool:
    return MachinePool()


@pytest.fixture
def taken(pool: MachinePool) -> LoggedMachine:
    return pool.take(Profile())


def traced(machine: LoggedMachine) -> list[str]:
    assert machine.log is not None
    return [call.function for call in machine.trace_of(machine.log).calls]


def test_the_fixture_gives_one(machine: Machine) -> None:
    assert isinstance(machine, LoggedMachine)


class TestLastCall:
    def test_is_none_before_the_first(self, taken: LoggedMachine) -> None:
        assert taken.last_call is None

    def test_is_what_was_called_and_how_it_ended(self, taken: LoggedMachine) -> None:
        source, target = taken.user.alloc(b"abc"), taken.kernel.alloc(3)
        taken.user.protect(source, "ro")
        outcome = taken.call("CopyFromUser", target, source, 3, irql=1, budget=500)
        call = taken.last_call
        assert call is not None
        assert call[:5] == ("CopyFromUser", (target, source, 3), True, 1, 500)
        assert call.outcome is outcome
        assert [None if pages is None else len(pages) for pages in call.pages] == [1, 1, 0]

    def test_is_not_one_that_could_not_be_made(self, taken: LoggedMachine) -> None:
        taken.call("KeGetCurrentIrql")
        with pytest.raises(KeyError):
            taken.call("KeGetCurrentIrqx")
        with pytest.raises(ValueError, match="irql 99"):
            taken.call("KeGetCurrentIrql", irql=99)
        assert taken.last_call is not None
        assert taken.last_call.function == "KeGetCurrentIrql"

    def test_of_one_that_the_host_interrupted_has_no_outcome(self, taken: LoggedMachine, tmp_path: Path) -> None:
        source = tmp_path / "caller.S"
        source.write_text(".globl caller\ncaller:\n  jmp *__imp_Failing(%rip)\n")

        @taken.export("Failing")
        def failing() -> int:
            raise ArithmeticError("on the host")

        taken.load(build_guest(source))
        with pytest.raises(ArithmeticError):
            taken.call("caller")
        assert taken.last_call is not None
        assert taken.last_call.outcome is None
        assert traced(taken) == ["caller!caller"]


class TestLog:
    def test_ends_with_the_last_call(self, taken: LoggedMachine) -> None:
        count = machines.CALLS_LOGGED + 3
        for number in range(count):
            taken.call("KeGetCurrentIrql" if number < count - 1 else "ExGetPreviousMode")
        functions = traced(taken)
        assert functions[-1] == "ntoskrnl!ExGetPreviousMode"
        assert len(functions) == 3

    def test_is_handed_on_as_a_whole(self, pool: MachinePool) -> None:
        logs: list[RunLog] = []
        pool.sink = lambda machine, log: logs.append(log)
        taken = pool.take(Profile())
        for _ in range(machines.CALLS_LOGGED + 3):
            taken.call("KeGetCurrentIrql")
        with taken.trace():
            taken.call("KeGetCurrentIrql")
        taken.call("KeGetCurrentIrql")
        pool.take(Profile())
        assert [len(log.calls) for log in logs] == [machines.CALLS_LOGGED, 3, 1, 1]
        assert all(log.finished for log in logs)

    def test_too_long_is_given_up(self, taken: LoggedMachine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machines, "RUNS_LOGGED", 4)
        source, target = taken.user.alloc(bytes(4096 * 8)), taken.kernel.alloc(4096 * 8)
        taken.user.page_out(source)
        assert isinstance(taken.call("CopyFromUser", target, source, source.size), Returned)
        assert target.read() == source.read()
        assert taken.log is None
        taken.call("KeGetCurrentIrql")
        assert traced(taken) == ["ntoskrnl!KeGetCurrentIrql"]

    def test_gives_way_to_another(self, taken: LoggedMachine) -> None:
        taken.call("KeGetCurrentIrql")
        other = RunLog(taken.system)
        taken.call("KeGetCurrentIrql")
        other.finish()
        assert len(other.runs) > 0
        taken.call("ExGetPreviousMode")
        assert traced(taken) == ["ntoskrnl!ExGetPreviousMode"]

    def test_is_begun_again_where_images_change_places(self, taken: LoggedMachine, tmp_path: Path) -> None:
        for name, text, routine in (("one", BYTE_LOOP, "my_copy"), ("two", ENDLESS, "spin")):
            source = tmp_path / f"{name}.S"
            source.write_text(text)
            taken.load(build_guest(source))
            taken.call(routine, 0, 0, 0, budget=100)
            assert traced(taken)[-1] == f"{name}!{routine}"
            taken.reset()

    def test_of_a_trace_of_the_tests_own_is_the_last_one(self, taken: LoggedMachine) -> None:
        taken.call("KeGetCurrentIrql")
        with taken.trace("CopyFromUser") as trace:
            taken.call("ExGetPreviousMode")
        assert len(trace) == 0
        assert traced(taken) == ["ntoskrnl!ExGetPreviousMode"]

    def test_ends_with_the_test(self, pool: MachinePool) -> None:
        first = pool.take(Profile())
        first.call("KeGetCurrentIrql")
        first.end_test()
        assert first.log is None
        assert first.last_call is None
        assert first.system.cpu.log is None
        first.call("KeGetCurrentIrql")
        assert first.log is None

    def test_stays_where_the_machine_is_closed(self, taken: LoggedMachine) -> None:
        taken.call("KeGetCurrentIrql")
        taken.close()
        assert taken.log is not None


def test_a_call_that_times_out_is_kept(taken: LoggedMachine, tmp_path: Path) -> None:
    source = tmp_path / "endless.S"
    source.write_text(ENDLESS)
    taken.load(build_guest(source))
    assert isinstance(taken.call("spin", budget=1000), TimedOut)
    assert traced(taken) == ["endless!spin"]


def test_the_pool_gives_each_profile_its_own_machine() -> None:
    pool = MachinePool()
    first, other = pool.take(Profile()), pool.take(Profile("nehalem"))
    assert first is not other
    assert pool.take(Profile()) is first
    pool.close()
    assert pool.take(Profile()) is not first
    pool.close()
