# SPDX-License-Identifier: GPL-2.0-or-later
"""DF, which says in which direction string instructions go, left set for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.flag_changes import FlagChanges, Suspect, Suspicion, first_at_each_place
from emu.checks.call.flag_findings import FlagFindings
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_SETTING: Final = int(CodeKind.STD | CodeKind.LOADS_FLAGS)


class DirectionFlag(Check):
    """DF is set across a call or a return, or a string instruction runs downwards by what another function left.

    Proves: a function that found DF clear, as the calling convention has it, called or jumped to another one, an
    accessor perhaps, while it was set, or returned with it set; or a string instruction ran while DF was set by a
    function that it is not in. A function may set DF, move something downwards, and clear it.
    Cannot see: what an export that the host implements makes of DF: it goes upwards.
    Cost: works out DF of each instruction from where it is changed; where nobody sets it, there is nothing to do.
    """

    name = "direction-flag"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once."""
        if not call.instructions.has_kind(_SETTING):
            return
        df = call.df_changes
        if not len(df.changes):
            return
        findings = FlagFindings(self.name, "DF", call, df)
        for suspect in first_at_each_place(df.suspects, call.instructions):
            if not self._is_allowed(call, df, suspect):
                yield findings.of(suspect)
        for at in self._strings(call, df):
            yield findings.at(at, "goes downwards, since another function has left DF set")

    def _is_allowed(self, call: CheckedCall, df: FlagChanges, suspect: Suspect) -> bool:
        """Tell whether a suspect touched no user memory while DF was set, or returned with it clear."""
        if suspect.suspicion == Suspicion.RETURNED_CHANGED:
            return bool(df.before(call.tree.activations[suspect.at].begin))
        return suspect.suspicion == Suspicion.TOUCHED_NOTHING

    def _strings(self, call: CheckedCall, df: FlagChanges) -> list[int]:
        """Return the first string instruction at each place that runs while what is not its function has set DF."""
        strings = call.instructions.of_kind(CodeKind.STRING)
        strings = strings[df.before(strings)]
        before = df.changes.searchsorted(strings) - 1
        owner = call.tree.owner
        strings = strings[(before >= 0) & (owner[df.changes[before]] != owner[strings])]
        _, firsts = np.unique(call.instructions.rip[strings], return_index=True)
        found: list[int] = np.sort(strings[firsts]).tolist()
        return found
