# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine with plugins: what they are told, when findings are there, and what they cost nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emu import Machine, Returned, build_guest
from emu.address import Gva
from emu.checks import CallNotChecked, CallRequest, CheckedCall, CheckError, Finding, Place, hookimpl
from emu.checks import checker as checker_module
from emu.outcome import Outcome
from emu.trace.run_log import RunLog

PROFILE = "skylake-server,smap=permit"
PEEK = ".intel_syntax noprefix\n.text\n.globl peek\npeek:\n mov eax, [rcx]\n ret\n"


def found(message: str) -> Finding:
    return Finding("observer", message, Place(Gva(0x1000), "driver!Peek"))


class Observer:
    """Notes what it is told, and finds something each time."""

    name = "observer"

    def __init__(self) -> None:
        self.told: list[Any] = []

    @hookimpl
    def emu_machine_booted(self, machine: Machine) -> list[Finding]:
        self.told.append("booted")
        return [found("booted")]

    @hookimpl
    def emu_module_loaded(self, module: Any) -> list[Finding]:
        self.told.append(("loaded", module.name))
        return [found("loaded")]

    @hookimpl
    def emu_call_begins(self, machine: Machine, request: CallRequest) -> None:
        self.told.append(("begins", request))

    @hookimpl
    def emu_call_ended(self, machine: Machine, request: CallRequest, outcome: Outcome | None) -> list[Finding]:
        self.told.append(("ended", outcome))
        return [found("ended")]

    @hookimpl
    def emu_checkpoint_made(self) -> None:
        self.told.append("checkpoint")

    @hookimpl
    def emu_machine_reset(self) -> None:
        self.told.append("reset")

    @hookimpl
    def emu_machine_closes(self) -> None:
        self.told.append("closes")


class Looker:
    """Finds something in each call, and says how many instructions it had."""

    name = "looker"

    def __init__(self) -> None:
        self.seen: list[int] = []

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> list[Finding]:
        self.seen.append(len(call.instructions))
        return [call.finding("looker", f"call of {call.request.arguments[2]}", 1)]


def copy(machine: Machine, size: int) -> Outcome:
    return machine.call("CopyFromUser", machine.kernel.alloc(64), machine.user.alloc(64), size)


def image(tmp_path: Path) -> Path:
    source = tmp_path / "peek.S"
    source.write_text(PEEK)
    return build_guest([source])


class TestObservers:
    def test_what_they_are_told(self, tmp_path: Path) -> None:
        observer = Observer()
        machine = Machine(PROFILE, plugins=[observer])
        machine.load(image(tmp_path))
        source = machine.user.alloc(8)
        machine.call("peek", source, 3, irql=1, budget=50)
        machine.checkpoint()
        machine.reset()
        machine.close()
        (_, (_, loaded), (_, request), (_, outcome), *rest) = observer.told
        assert loaded == "peek"
        assert request == CallRequest(request.address, (int(source), 3), (source, None), True, 1, 50)
        assert isinstance(outcome, Returned)
        assert observer.told[0] == "booted"
        assert rest == ["checkpoint", "reset", "closes"]

    def test_what_they_find(self, tmp_path: Path) -> None:
        machine = Machine(PROFILE, plugins=[Observer()])
        machine.load(image(tmp_path))
        machine.call("peek", machine.user.alloc(8))
        machine.call("peek", machine.user.alloc(8))
        assert [finding.message for finding in machine.findings] == ["booted", "loaded", "ended"], "each thing once"

    def test_calls_are_not_logged_for_them(self) -> None:
        machine = Machine(PROFILE, plugins=[Observer()])
        copy(machine, 8)
        assert machine.system.cpu.log is None

    def test_a_host_exception_ends_the_call(self) -> None:
        observer = Observer()
        machine = Machine(PROFILE, plugins=[observer])
        with pytest.raises(ValueError, match="irql"):
            machine.call("CopyFromUser", 0, 0, 0, irql=99)
        assert observer.told[-1] == ("ended", None)
        assert isinstance(copy(machine, 4), Returned)

    def test_those_that_come_later_learn_what_is_loaded(self, tmp_path: Path) -> None:
        machine, observer = Machine(PROFILE), Observer()
        machine.load(image(tmp_path))
        machine.check(None, plugins=[observer])
        assert observer.told == ["booted", ("loaded", "peek")]


class TestLookers:
    def test_findings_are_there_when_they_are_asked_for(self) -> None:
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        copy(machine, 8)
        assert looker.seen == []
        assert [finding.message for finding in machine.findings] == ["call of 8"]
        copy(machine, 9)
        assert [finding.message for finding in machine.findings] == ["call of 8", "call of 9"]
        assert len(looker.seen) == 2, "each call is looked at once"
        assert [finding.message for finding in machine.findings] == ["call of 8", "call of 9"]

    def test_the_same_thing_is_found_once(self) -> None:
        machine = Machine(PROFILE, plugins=[Looker()])
        copy(machine, 8)
        copy(machine, 8)
        assert [finding.check for finding in machine.findings] == ["looker"]

    def test_a_reset_forgets(self) -> None:
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        copy(machine, 8)
        assert machine.findings
        copy(machine, 9)
        machine.reset()
        assert not machine.findings
        copy(machine, 10)
        assert [finding.message for finding in machine.findings] == ["call of 10"]

    def test_many_calls_are_looked_at_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checker_module, "CALLS_WAITING", 3)
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        for size in range(7):
            copy(machine, size)
        assert len(looker.seen) == 6
        assert [finding.message for finding in machine.findings] == [f"call of {size}" for size in range(7)]

    def test_a_trace_is_looked_at_behind_its_block(self) -> None:
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        copy(machine, 1)
        with machine.trace() as trace:
            copy(machine, 2)
            copy(machine, 3)
            assert "call of 1" in [finding.message for finding in machine.findings]
        assert [finding.message for finding in machine.findings] == [f"call of {size}" for size in (1, 2, 3)]
        assert sum(looker.seen[1:]) == len(trace.instructions)

    def test_part_of_a_trace_is_enough_for_its_user_alone(self) -> None:
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        with machine.trace("CopyFromUser", last=3) as trace:
            copy(machine, 2)
        assert len(trace.instructions) == 3
        assert machine.findings
        assert looker.seen[0] > 3

    def test_a_plain_call_is_not_looked_at(self) -> None:
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        copy(machine, 1)
        machine.call_plainly(machine.resolve("CopyFromUser"), [0, 0, 0])
        copy(machine, 2)
        assert [finding.message for finding in machine.findings] == ["call of 1", "call of 2"]

    def test_while_another_trace_is_taken_of_the_processor(self) -> None:
        machine = Machine(PROFILE, plugins=[Looker()])
        log = RunLog(machine.system)
        with pytest.warns(CallNotChecked, match="another trace of this processor is being taken"):
            copy(machine, 4)
        log.finish()
        copy(machine, 5)
        assert [finding.message for finding in machine.findings] == ["call of 5"]

    def test_long_calls_are_looked_at_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checker_module, "BLOCKS_WAITING", 300)
        looker = Looker()
        machine = Machine(PROFILE, plugins=[looker])
        source, target = machine.user.alloc(512), machine.kernel.alloc(512)
        for size in (512, 511):
            machine.call("CopyFromUser", target, source, size)
        assert len(looker.seen) == 1
        assert [finding.message for finding in machine.findings] == ["call of 512", "call of 511"]

    def test_what_ran_too_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checker_module, "LONGEST", 100)
        machine = Machine(PROFILE, plugins=[Looker()])
        copy(machine, 64)
        source, target = machine.user.alloc(512), machine.kernel.alloc(512)
        assert [finding.message for finding in machine.findings] == ["call of 64"]
        machine.call("CopyFromUser", target, source, 512)
        with pytest.warns(CallNotChecked, match=r"^no check has looked at a call: 5\d\d blocks ran in it, and a trace"):
            assert len(machine.findings) == 1

    def test_after_a_bugcheck(self) -> None:
        machine = Machine(PROFILE, plugins=[Looker()])
        machine.call("CopyFromUser", 0, 0, 8, guarded=False)
        assert [finding.check for finding in machine.findings] == ["looker"]
        machine.reset()
        assert not machine.findings


class TestNone:
    def test_a_machine_without_checks_has_no_findings_and_no_log(self) -> None:
        machine = Machine(PROFILE)
        copy(machine, 4)
        assert not machine.findings
        assert machine._checker is None
        assert machine.system.cpu.log is None

    def test_checks_can_be_taken_away(self) -> None:
        machine = Machine(PROFILE, checks="irql")
        copy(machine, 4)
        machine.check(None)
        assert not machine.findings
        copy(machine, 4)
        assert machine.system.cpu.log is None


class TestMistakes:
    def test_an_unknown_check(self) -> None:
        with pytest.raises(CheckError, match=r"^there is no check 'irgl'; nearest: irql; `emu checks` lists them$"):
            Machine(checks="irgl")

    def test_a_hook_with_an_argument_that_there_is_not(self) -> None:
        class Wrong:
            name = "wrong"

            @hookimpl
            def emu_call_ended(self, machin: Machine) -> None:
                raise AssertionError

        with pytest.raises(CheckError, match=r"^the plugin 'wrong' cannot be used: .*machin"):
            Machine(plugins=[Wrong()])

    def test_a_hook_that_there_is_not(self) -> None:
        class Wrong:
            name = "wrong"

            @hookimpl
            def emu_call_end(self) -> None:
                raise AssertionError

        with pytest.raises(CheckError, match=r"^the plugin 'wrong' cannot be used: .*emu_call_end"):
            Machine(plugins=[Wrong()])

    def test_an_accessor_that_is_none(self) -> None:
        with pytest.raises(CheckError, match=r"^accessors\.mine = 'Copy' is no accessor; `emu accessors` lists them$"):
            Machine(checks="irql", accessors={"mine": "Copy"})

    def test_two_plugins_of_one_name(self) -> None:
        with pytest.raises(CheckError, match=r"^the plugin 'looker' cannot be used: "):
            Machine(plugins=[Looker(), Looker()])
