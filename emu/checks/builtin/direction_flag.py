# SPDX-License-Identifier: GPL-2.0-or-later
"""DF, which says in which direction string instructions go, left set for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.callees import callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.flag_changes import FlagChanges, Suspect, Suspicion, first_at_each_place
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
        for suspect in first_at_each_place(df.suspects, call.instructions):
            if suspect.suspicion == Suspicion.CALLED_WHILE_SET:
                yield self._found(call, df, f"calls {callee_name(call, suspect.at)} with DF set", suspect.at)
            elif suspect.suspicion != Suspicion.TOUCHED_NOTHING:
                yield from self._left_set(call, df, suspect)
        yield from self._strings(call, df)

    def _left_set(self, call: CheckedCall, df: FlagChanges, suspect: Suspect) -> Iterator[Finding]:
        activation = call.tree.activations[suspect.at]
        if suspect.suspicion == Suspicion.JUMPED_WHILE_SET:
            message = f"jumps to {call.function_name(activation.entry)} with DF set"
            yield self._found(call, df, message, activation.begin - 1)
        elif not df.before(activation.begin):
            yield call.finding(self.name, "returns with DF set", activation.end - 1, [_set(call, suspect.change)])

    def _found(self, call: CheckedCall, df: FlagChanges, message: str, at: int) -> Finding:
        change = df.changed_last(at)
        return call.finding(self.name, message, at, [] if change is None else [_set(call, change)])

    def _strings(self, call: CheckedCall, df: FlagChanges) -> Iterator[Finding]:
        strings = call.instructions.of_kind(CodeKind.STRING)
        strings = strings[df.before(strings)]
        before = df.changes.searchsorted(strings) - 1
        owner = call.tree.owner
        strings = strings[(before >= 0) & (owner[df.changes[before]] != owner[strings])]
        _, firsts = np.unique(call.instructions.rip[strings], return_index=True)
        for at in np.sort(strings[firsts]).tolist():
            yield self._found(call, df, "goes downwards, since another function has left DF set", at)


def _set(call: CheckedCall, change: int) -> str:
    return f"DF was set at {call.place(Gva(int(call.instructions.rip[change])))}"
