# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: a fresh machine for each test, and guest code built beside it.

    def test_my_copy(machine, guest):
        machine.load(guest.build("my_copy.S"))
        ...

Machines are booted once a session for each profile, and reset before each test. Another profile:
`@pytest.mark.parametrize("machine", ["nehalem", "broadwell,smap=off"], indirect=True)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run of an environment imports this file: nothing of the emulator is imported before a test asks for it.
if TYPE_CHECKING:
    from emu.machine import Machine
    from emu.profile import Profile


class MachinePool:
    """One booted machine for each profile."""

    def __init__(self) -> None:
        self._machines: dict[Profile, Machine] = {}

    def take(self, profile: Profile) -> Machine:
        """Return a machine as it is after boot. Boots another one where `reset` no longer leads there."""
        from emu.machine import Machine  # noqa: PLC0415

        machine = self._machines.get(profile)
        if machine is not None and not machine.resets_to_boot:
            machine.close()
            machine = None
        if machine is None:
            machine = self._machines[profile] = Machine(profile)
        else:
            machine.reset()
        return machine

    def close(self) -> None:
        """Give back the memory of all machines."""
        for machine in self._machines.values():
            machine.close()


class Guest:
    """Builds guest code for a test."""

    def __init__(self, directory: Path, scratch: Path) -> None:
        self._directory = directory
        self._scratch = scratch

    def build(self, *sources: str | Path, **options: Any) -> Path:
        """Build an image from files beside the test's own, `.S .c .obj .lib`, and return its path.

        The options are those of `emu.build_guest`; so are the errors, but for a missing compiler, which fails the test.
        """
        from emu.toolchain import ToolchainMissing, build_guest  # noqa: PLC0415

        try:
            return build_guest([self._directory / source for source in sources], **options)
        except ToolchainMissing as error:
            pytest.fail(str(error), pytrace=False)

    def build_text(self, text: str, suffix: str = ".S", *, name: str = "guest", **options: Any) -> Path:
        """Build an image from the text of one source file; assembly by default, C with `suffix=".c"`.

        `name` is the module's.
        """
        source = self._scratch / f"{name}{suffix}"
        source.write_text(text, encoding="utf-8")
        return self.build(source, **options)


@pytest.fixture(scope="session")
def machine_pool() -> Iterator[MachinePool]:
    """The session's machines, for fixtures that need one of a profile of their own choice."""
    pool = MachinePool()
    yield pool
    pool.close()


@pytest.fixture
def machine(request: pytest.FixtureRequest, machine_pool: MachinePool) -> Machine:
    """A machine as it is after boot; whatever the test does to it is gone for the next one.

    The default profile, or the one (a `Profile` or its text form) that indirect parametrisation gives.
    """
    from emu.profile import Profile  # noqa: PLC0415

    wanted = getattr(request, "param", None)
    if wanted is None:
        return machine_pool.take(Profile())
    return machine_pool.take(wanted if isinstance(wanted, Profile) else Profile.parse(wanted))


@pytest.fixture
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    """Builds guest code from sources in the directory of the test's file, or from text."""
    return Guest(request.path.parent, tmp_path)
