# SPDX-License-Identifier: GPL-2.0-or-later
"""The proof by execution: what it watches, what it reaches, and that the guest cannot tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emu import Bugchecked, Machine, Returned, TimedOut, build_guest
from emu.checks.unwind_data import Rule
from emu.image import Module
from tests.checks.unwind_data.programs import CONFORMANCE, MISTAKES

CALLBACK = Path(__file__).parent / "callback"
PAIR = ("relay", "bounce")
PROGRAMS = ("single_step", "alloca_in_callee", "return_out_of_finally", "machine_frames", "step_version_2")


@pytest.fixture(scope="module")
def booted() -> Machine:
    return Machine()


@pytest.fixture
def machine(booted: Machine) -> Machine:
    booted.reset()
    return booted


def library(machine: Machine) -> Module:
    return next(module for module in machine.modules if "CopyFromUser" in module)


def load(machine: Machine, name: str) -> Module:
    path = next(path for path in (CONFORMANCE / f"{name}.c", CONFORMANCE / f"{name}.S") if path.is_file())
    return machine.load(build_guest([path]))


def facts(machine: Machine, outcome: Any) -> tuple[Any, ...]:
    return outcome, machine.events, machine.registers, machine.debug_output, machine.irql


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_guest_cannot_tell(machine: Machine, name: str) -> None:
    """Outcome, events, every register and what was printed are those of a call that nobody watches."""
    module = load(machine, name)
    expected = facts(machine, machine.call(module[name]))
    machine.reset()
    module = load(machine, name)
    with machine.prove_unwind_data(module) as proof:
        watched = facts(machine, machine.call(module[name]))
    assert watched == expected
    assert proof.coverage.stops > 20


@pytest.mark.parametrize("budget", [1, 5, 9, 14])
def test_the_budget_ends_where_it_would(machine: Machine, budget: int) -> None:
    module = load(machine, "alloca_in_callee")
    expected = facts(machine, machine.call(module["alloca_in_callee"], budget=budget))
    assert isinstance(expected[0], TimedOut)
    machine.reset()
    module = load(machine, "alloca_in_callee")
    with machine.prove_unwind_data(module):
        assert facts(machine, machine.call(module["alloca_in_callee"], budget=budget)) == expected


@pytest.mark.parametrize("length", [0, 1, 64, 131, 512])
def test_copies_with_page_ins_and_faults_unwind(machine: Machine, length: int) -> None:
    """Instructions that are retried, and a `rep movsb` that stops in its middle, are the same activation still."""
    modules = machine.modules
    source, target = machine.user.alloc(bytes(4096 + 600), offset=4000), machine.kernel.alloc(600)
    with machine.prove_unwind_data(*modules) as proof:
        machine.user.page_out(source)
        machine.user.page_out(source.address + 4096)
        assert machine.call("CopyFromUser", target, source, length) == Returned(machine.registers["rax"])
        machine.user.protect(source.address + 4096, "none")
        machine.call("CopyFromUser", target, source, length)
        machine.call("CopyFromUser", target, 0x7FFF_FFFF_0000, length)
        machine.call("ProbeForWrite", source, length, 1)
        last = machine.call("CopyFromUser", target, 0x10, length, guarded=False)
    assert proof.findings == ()
    assert isinstance(last, Bugchecked) == (length > 0)
    assert {"CopyFromUser", "ProbeForWrite"} <= set(proof.coverage.functions)


@pytest.mark.parametrize("optimize", ["0", "2"])
def test_a_callback_from_code_that_is_not_watched_is_a_call(machine: Machine, optimize: str) -> None:
    relay, bounce = (machine.load(build_guest([CALLBACK / f"{name}.c"], optimize=optimize)) for name in PAIR)
    with machine.prove_unwind_data(bounce) as proof:
        outcome = machine.call(bounce["bounce"], relay["relay"], 6)
    assert outcome == Returned(21)
    assert proof.findings == ()
    assert "again" in proof.coverage.functions
    assert not proof.coverage.not_reached
    with machine.prove_unwind_data(relay) as proof:
        machine.call(bounce["bounce"], relay["relay"], 6)
    assert proof.findings == ()
    assert proof.coverage.functions == ("relay",)


def test_what_is_not_reached_is_said(machine: Machine) -> None:
    umaccess = library(machine)
    with machine.prove_unwind_data(umaccess) as proof:
        machine.call("CopyFromUser", 0, 0, 0)
    coverage = proof.coverage
    assert coverage.functions == ("CopyFromUser",)
    assert len(coverage.not_reached) == len(umaccess.image.functions) - 1
    assert {"ReadULongFromUser", "UmaInitialize", "DriverEntry", "UmaRaiseNotUser"} < set(coverage.not_reached)
    assert coverage.stops == coverage.instructions > 10


def test_several_calls_are_one_proof(machine: Machine) -> None:
    module = machine.load(build_guest([MISTAKES / "wrong_size.S"]))
    with machine.prove_unwind_data(module, library(machine)) as proof:
        for _ in range(3):
            machine.call(module["wrong_size"])
        machine.call("CopyFromUser", 0, 0, 0)
    assert [(finding.rule, finding.where) for finding in proof.findings] == [(Rule.UNWIND, "wrong_size!wrong_size+0x4")]
    assert set(proof.coverage.functions) == {"wrong_size", "CopyFromUser"}


def test_nothing_is_watched_afterwards(machine: Machine) -> None:
    module = machine.load(build_guest([MISTAKES / "wrong_size.S"]))
    with machine.prove_unwind_data(module) as proof:
        pass
    machine.call(module["wrong_size"])
    assert proof.findings == ()
    assert proof.coverage.stops == 0


def test_a_module_that_is_not_loaded_is_refused(machine: Machine) -> None:
    module = machine.load(build_guest([MISTAKES / "wrong_size.S"]))
    machine.reset()
    with pytest.raises(ValueError, match=r"name modules that are loaded here.*loaded: ntoskrnl, umaccess"):
        machine.prove_unwind_data(module)
    with pytest.raises(ValueError, match="name modules"):
        machine.prove_unwind_data()


def test_one_proof_at_a_time(machine: Machine) -> None:
    proof = machine.prove_unwind_data(library(machine))
    with proof, pytest.raises(RuntimeError, match="another proof is under way"):
        machine.prove_unwind_data(library(machine)).__enter__()
    with proof:
        machine.call("CopyFromUser", 0, 0, 0)
    assert proof.coverage.stops > 0
