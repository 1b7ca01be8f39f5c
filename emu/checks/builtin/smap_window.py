# SPDX-License-Identifier: GPL-2.0-or-later
"""AC, with which the kernel may touch user memory, set for longer than the access."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emu.address import Gva
from emu.checks.call.callees import callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.flag_changes import FlagChanges
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_CHANGING = CodeKind.STAC | CodeKind.CLAC | CodeKind.LOADS_FLAGS


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
        if not call.instructions.has_kind(_CHANGING):
            return
        ac = FlagChanges(call, call.ac, _CHANGING)
        if not len(ac.changes):
            return
        for activation, change in ac.returned_changed():
            message = "returns with AC clear, and its caller had it set" if ac.at_begin[activation.number] else ""
            last = activation.end - 1
            yield call.finding(self.name, message or "returns with AC set", last, [_changed(call, change)])
        for at in ac.calls_while_set().tolist():
            yield self._across(call, ac, f"calls {callee_name(call, at)} with AC set", at)
        for activation in ac.jumps_while_set():
            message = f"jumps to {call.function_name(activation.entry)} with AC set"
            yield self._across(call, ac, message, activation.begin - 1)
        yield from self._without_access(call, ac)

    def _across(self, call: CheckedCall, ac: FlagChanges, message: str, at: int) -> Finding:
        change = ac.changed_last(at)
        return call.finding(self.name, message, at, [] if change is None else [_changed(call, change)])

    def _without_access(self, call: CheckedCall, ac: FlagChanges) -> Iterator[Finding]:
        opening = ac.changes[~ac.flag[ac.changes]]
        if not len(opening):
            return
        ends = np.append((ac.flag[1:] != ac.flag[:-1]).nonzero()[0] + 1, len(ac.flag))
        ends = ends[ends.searchsorted(opening + 1, "right")]
        first, behind = (call.accesses.instruction.searchsorted(place).tolist() for place in (opening, ends))
        is_user = call.accesses.is_user
        counts = [np.count_nonzero(is_user[begin:end]) for begin, end in zip(first, behind, strict=True)]
        owners = call.tree.owner[opening]
        in_all = np.bincount(owners + 1, counts, len(call.tree.activations) + 1)[1:]
        idle = opening[(owners >= 0) & call.frames.returned[owners] & (in_all[owners] == 0)]
        if not len(idle):
            return
        _, firsts = np.unique(call.instructions.rip[idle], return_index=True)
        for at in np.sort(idle[firsts]).tolist():
            yield call.finding(self.name, "sets AC and touches no user memory", at)


def _changed(call: CheckedCall, change: int) -> str:
    does = "cleared" if call.ac[change] else "set"
    return f"AC was {does} at {call.place(Gva(int(call.instructions.rip[change])))}"
