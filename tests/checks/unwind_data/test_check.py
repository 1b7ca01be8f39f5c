# SPDX-License-Identifier: GPL-2.0-or-later
"""The check `unwind-data`: the prover's findings as a machine's, each mistake found and nothing that is right.

After a change of the words, `python -m tests.checks.unwind_data.test_check` writes messages.txt anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emu import Machine
from emu.checks import Finding
from tests.checks.unwind_data.programs import MISTAKES, RIGHT, Build
from tests.checks.unwind_data.test_mistakes import NOT_LOADED

GOLDEN = Path(__file__).parent / "messages.txt"
SHOWN = ("codes_out_of_order", "leaf_moves_stack", "missing_push", "scope_reversed", "unsaved_register", "wrong_size")
SOURCES = [path for path in sorted(MISTAKES.glob("*.S")) if path.stem not in NOT_LOADED]
RIGHT_SOURCES = sorted(RIGHT.glob("*.S"))


def findings(machine: Machine, source: Path) -> tuple[Finding, ...]:
    """Load a program and call the routine that it is named by, if it is one."""
    machine.reset()
    module = machine.load(Build((source,), "msvc", "1").path())
    if source.stem in module:
        machine.call(module[source.stem])
    return machine.findings


def report(machine: Machine) -> Iterator[str]:
    """Say what is found in the programs that are shown."""
    for source in SOURCES:
        if source.stem in SHOWN:
            yield f"{source.stem}:"
            yield from map(str, findings(machine, source))
            yield ""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine(checks="unwind-data") as machine:
        yield machine


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_mistake(machine: Machine, source: Path) -> None:
    found = findings(machine, source)
    assert found
    for finding in found:
        assert finding.check == "unwind-data"
        assert finding.where.symbol.startswith(f"{source.stem}!") or finding.where.symbol == source.stem


@pytest.mark.parametrize("source", RIGHT_SOURCES, ids=lambda path: path.stem)
def test_what_is_right(machine: Machine, source: Path) -> None:
    assert not findings(machine, source)


def test_what_is_said(machine: Machine) -> None:
    assert "\n".join(report(machine)) == GOLDEN.read_text(encoding="utf-8")


def test_a_call_of_the_library_alone(machine: Machine) -> None:
    machine.reset()
    machine.call("CopyFromUser", machine.kernel.alloc(8), machine.user.alloc(8), 8)
    assert not machine.findings


def test_a_proof_of_the_users_own_goes_first(machine: Machine) -> None:
    machine.reset()
    source = next(each for each in SOURCES if each.stem == "wrong_size")
    module = machine.load(Build((source,), "msvc", "1").path())
    with machine.prove_unwind_data(module) as proof:
        machine.call(module[source.stem])
    assert proof.findings
    assert not machine.proves_unwind_data
    assert all("prologue-code" in finding.message for finding in machine.findings), "by reading alone"


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(report(Machine(checks="unwind-data"))), encoding="utf-8")
