# SPDX-License-Identifier: GPL-2.0-or-later
"""The test that runs, and the machines that it uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from emu.testing.machines import LoggedMachine, MachinePool

MACHINES = pytest.StashKey[list["LoggedMachine"]]()
"""Of an item: the machines that it was given, in order."""

POOL = pytest.StashKey["MachinePool"]()
"""Of a configuration: where its machines come from."""

_running: list[pytest.Item] = []


@contextmanager
def running(item: pytest.Item) -> Iterator[None]:
    """Have `item` be the current test in a `with` block, and end its machines' logs behind it."""
    item.stash[MACHINES] = []
    _running.append(item)
    try:
        yield
    finally:
        _running.pop()
        for machine in item.stash[MACHINES]:
            machine.end_test()


def current_item() -> pytest.Item | None:
    """Return the test that runs; None outside of one."""
    return _running[-1] if _running else None


def pool_of(config: pytest.Config) -> MachinePool:
    """Return the machines of a pytest run."""
    from emu.testing.machines import MachinePool  # noqa: PLC0415 (a run that boots nothing imports no machine)

    pool = config.stash.get(POOL, None)
    if pool is None:
        pool = config.stash[POOL] = MachinePool()
    return pool
