# SPDX-License-Identifier: GPL-2.0-or-later
"""AC, with which the kernel may touch user memory, set for longer than the access."""

from __future__ import annotations

from collections.abc import Iterator

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.flag_changes import AC, Suspicion, first_at_each_place
from emu.checks.call.flag_findings import FlagFindings
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl


class SmapWindow(Check):
    """AC is set across a call or a return, or without an access, or is not left as the caller had it.

    Proves: a function that found AC clear called or jumped to another one while it was set, or returned with it set;
    one that found it set returned with it clear; or one set it and touched no user memory until it cleared it again.
    While AC is set SMAP protects nothing, and `clac` closes the window of a caller, too.
    Cannot see: what is done between `stac` and `clac` without a call. Where the kernel enters drivers with AC set
    (`smap=permit`), only functions that clear it are found. AC behind an exception is the kernel's doing.
    Cost: works out AC of each instruction from where it is changed; then looks at calls and returns.
    """

    name = "smap-window"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once."""
        if not call.instructions.has_kind(AC.changing):
            return
        ac = call.ac_changes
        findings = FlagFindings(self.name, "AC", call, ac)
        for suspect in first_at_each_place(ac.suspects, call.instructions):
            if suspect.suspicion == Suspicion.TOUCHED_NOTHING:
                yield call.finding(self.name, "sets AC and touches no user memory", suspect.at)
            else:
                yield findings.of(suspect)
