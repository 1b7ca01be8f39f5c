# SPDX-License-Identifier: GPL-2.0-or-later
"""`information-leak` finds every way of uninitialised bytes to user memory, and none of initialised ones."""

from __future__ import annotations

from pathlib import Path

from emu import Machine, build_guest
from tests.checks.harness.cases import CheckCases
from tests.checks.harness.programs import PERMISSIVE, Programs

PROGRAMS = Programs("information_leak")

ASKS_AN_EXPORT = """
#include <ntddk.h>
#include <usermode_accessors.h>
__attribute__((dllimport)) void QueryState(ULONG64 *state);

__attribute__((dllexport)) ULONG Asks(UCHAR *user)
{
    ULONG64 state[4];
    QueryState(state + 1);
    CopyToUser(user, state, sizeof state);
    return 0;
}
"""


class TestInformationLeak(CheckCases):
    programs = PROGRAMS


def test_what_an_export_of_the_users_is_given_it_may_have_written(tmp_path: Path) -> None:
    source = tmp_path / "asks.c"
    source.write_text(ASKS_AN_EXPORT, encoding="utf-8")
    with Machine(PERMISSIVE, checks=["information-leak"]) as machine:

        @machine.export("QueryState")
        def query_state(state: int) -> None:
            """Write zeroes over zeroes."""

        machine.load(build_guest([source]))
        machine.call("Asks", machine.user.alloc(32))
        (finding,) = machine.findings
        assert finding.evidence[0].startswith("bytes 0 to 7 of the 32 that it writes")
