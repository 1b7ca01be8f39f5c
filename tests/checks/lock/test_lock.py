# SPDX-License-Identifier: GPL-2.0-or-later
"""`lock` finds every lock, region and IRQL that a call leaves otherwise than it found it, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Machine, build_guest
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import Programs

PROGRAMS = Programs("lock")

RESOURCES = """
#include <ntddk.h>
__attribute__((dllexport)) ULONG Acquires(ERESOURCE *resource, ULONG releases)
{
    if (!ExAcquireResourceExclusiveLite(resource, TRUE))
        return 1;
    if (releases)
        ExReleaseResourceLite(resource);
    return 0;
}

__attribute__((dllexport)) ULONG AcquiresTwice(ERESOURCE *resource, ULONG releases)
{
    Acquires(resource, 0);
    Acquires(resource, 1);
    ExReleaseResourceLite(resource);
    return releases;
}
"""


class TestLock(CheckCases):
    programs = PROGRAMS


@pytest.mark.parametrize(
    ("routine", "releases", "acquired", "found"),
    [
        ("Acquires", 0, 1, 1),
        ("Acquires", 1, 1, 0),
        ("Acquires", 0, 0, 0),
        ("AcquiresTwice", 0, 1, 0),
    ],
)
def test_a_users_own_exports(tmp_path: Path, routine: str, releases: int, acquired: int, found: int) -> None:
    source = tmp_path / "resources.c"
    source.write_text(RESOURCES, encoding="utf-8")
    with Machine(checks=["lock"]) as machine:

        @machine.export("ExAcquireResourceExclusiveLite")
        def acquire(resource: int, wait: int) -> int:
            return acquired

        @machine.export("ExReleaseResourceLite")
        def release(resource: int) -> None:
            """Nothing waits for it."""

        machine.load(build_guest([source], optimize="1"))
        machine.call(routine, machine.kernel.alloc(128), releases)
        messages = [finding.message for finding in machine.findings]
        assert messages == ["acquires an ERESOURCE and does not release it"] * found
