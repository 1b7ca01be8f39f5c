# SPDX-License-Identifier: GPL-2.0-or-later
"""Which test runs, and which machines it was given."""

from __future__ import annotations

import subprocess
import sys

import pytest

import emu.testing
from emu import Machine, Profile
from emu.testing.current import MACHINES, current_item, pool_of, running
from emu.testing.machines import MachinePool
from tests.testing.plugin_runs import run

pytest_plugins = ["pytester"]


def test_is_the_test_that_runs(request: pytest.FixtureRequest, machine: Machine, machine_pool: MachinePool) -> None:
    item = current_item()
    assert item is request.node
    other = machine_pool.take(Profile("nehalem"))
    assert machine_pool.take(Profile("nehalem")) is other
    assert item.stash[MACHINES] == [machine, other]
    assert pool_of(item.config) is machine_pool


def test_a_run_inside_of_a_test_has_its_own(
    request: pytest.FixtureRequest, machine: Machine, pytester: pytest.Pytester
) -> None:
    source = """
        from emu.testing.current import current_item

        def test_inside(machine, request):
            assert current_item() is request.node
            machine.user.alloc(8)
        """
    run(pytester, source).assert_outcomes(passed=1)
    assert current_item() is request.node
    assert machine.user.buffers == []


def is_logged(machine: Machine) -> bool:
    return machine.system.cpu.log is not None


def test_behind_it_its_machines_log_no_more(machine: Machine, request: pytest.FixtureRequest) -> None:
    item = request.node
    before = item.stash[MACHINES]
    with running(item):
        item.stash[MACHINES] += before
        machine.call("KeGetCurrentIrql")
        assert is_logged(machine)
    assert not is_logged(machine)
    assert current_item() is item


def test_the_public_names_are_imported_when_they_are_used() -> None:
    assert sorted(emu.testing.__all__) == dir(emu.testing)
    assert {"assert_copies", "assert_raises", "sweep"} < set(emu.testing.__all__)
    assert all(getattr(emu.testing, name) is not None for name in emu.testing.__all__)
    with pytest.raises(AttributeError, match=r"module 'emu.testing' has no attribute 'swep'"):
        _ = emu.testing.swep
    code = "import sys, emu.testing; sys.exit('numpy' in sys.modules or 'emu.machine' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
