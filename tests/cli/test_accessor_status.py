# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from emu import Machine
from emu.accessors import FAMILY
from emu.cli import accessor_status
from emu.cli.accessor_status import Status, status_of


def test_nothing_is_missing() -> None:
    for accessor in FAMILY.values():
        assert status_of(accessor) == (
            Status("macro", "macro")
            if accessor.kind == "macro"
            else Status("own", "own" if accessor.name == "UmaExceptionFilter" else "kernel")
        ), accessor.name


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accessor_status, "_library_names", lambda: {"CopyToUser"})
    monkeypatch.setattr(accessor_status, "_kernel_names", frozenset)
    assert status_of(FAMILY["CopyFromUser"]) == Status("missing", "missing")
    assert status_of(FAMILY["CopyToUser"]) == Status("own", "missing")


@pytest.mark.parametrize("machine", ["skylake-server", "skylake-server,primitives=kernel"], indirect=True)
def test_the_machine_agrees(machine: Machine) -> None:
    for accessor in FAMILY.values():
        if accessor.primitive is not None and accessor.kind == "function":
            variable = machine.system.memory.read_u64(machine.resolve(f"UmaKernel{accessor.primitive}"))
            assert (variable > 1) == machine.profile.kernel_has_primitives
