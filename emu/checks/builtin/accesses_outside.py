# SPDX-License-Identifier: GPL-2.0-or-later
"""What an accessor accesses, accessed by its caller, too."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from emu.address import ADDRESS_MASK, Gva
from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Numbers
from emu.checks.call.direct_accesses import user_accesses_outside
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_PROBES: Final = ("ntoskrnl!ProbeForWrite",)
"""Functions of the kernel that touch user memory as they document it."""
_WIDEST: Final = 16
"""Bytes of the widest access."""


_Ranges: TypeAlias = list[tuple[AccessorCall, DeclaredRange]]


class _Touched(NamedTuple):
    """A byte of an accessor's range, touched outside of it."""

    access: int
    made: AccessorCall
    name: str
    """The range's."""


class AccessesOutside(Check):
    """The caller of an accessor touches the user memory of that call by itself.

    Proves: the activation that called an accessor, or a routine of the kernel such as memcpy for it, read or wrote a
    byte of the call's user range before the call or after its return, or a filter did while it was running. All
    accesses to the range belong inside the call (contract C4): whatever compiler or source brought in the other one,
    it sees another moment of memory that the user may change.
    Cannot see: what the caller's callers and the other functions that it calls touch; `direct-user-access` finds these.
    The kernel's side of the call is not looked at: it is the caller's own memory before and after.
    Cost: looks at the accesses to user memory outside of accessors, all at once, of callers of accessors.
    """

    name = "accesses-outside"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once for the range that it touches."""
        if not call.accessor_calls:
            return
        accesses = call.accesses
        direct = user_accesses_outside(call.native_tables, len(accesses), call.accessor_ranges.by_activation >= 0)
        if not len(direct):
            return
        ranges_of = self._ranges(call)
        found: dict[int, _Touched] = {}
        for caller, numbers in self._by_caller(call, direct).items():
            for touched in self._touched(call, numbers, ranges_of.get(caller, [])):
                known = found.get(int(accesses.rip[touched.access]))
                if known is None or touched.access < known.access:
                    found[int(accesses.rip[touched.access])] = touched
        for touched in sorted(found.values(), key=operator.attrgetter("access")):
            yield self._finding(call, touched)

    def _by_caller(self, call: CheckedCall, direct: Numbers) -> dict[int, Numbers]:
        """Return the accesses by the number of the activation that has them made."""
        accesses, tree = call.accesses, call.tree
        rips = np.unique(accesses.rip[direct])
        probes = [rip for rip in rips.tolist() if call.function_name(Gva(rip)) in _PROBES]
        direct = direct[~np.isin(accesses.rip[direct], probes)]
        at = accesses.instruction[direct]
        keys = tree.owner[at] * 2 + call.in_kernel[at]
        order = np.argsort(keys, kind="stable")
        found = defaultdict(list)
        for its in np.split(order, np.diff(keys[order]).nonzero()[0] + 1):
            if len(its) and keys[its[0]] >= 0:
                found[self._caller(call, int(at[its[0]])).number].append(direct[its])
        return {caller: np.concatenate(numbers) for caller, numbers in found.items()}

    def _caller(self, call: CheckedCall, at: int) -> Activation:
        """Return the activation of an instruction; of the kernel's own, that of the code that called it."""
        activation = call.tree.activations[int(call.tree.owner[at])]
        while call.is_of_kernel(at) and activation.call_site is not None and activation.parent is not None:
            at, activation = activation.call_site, activation.parent
        return activation

    def _touched(self, call: CheckedCall, numbers: Numbers, ranges: _Ranges) -> Iterator[_Touched]:
        accesses = call.accesses
        by_address = numbers[np.argsort(accesses.address[numbers], kind="stable")]
        addresses = accesses.address[by_address]
        for made, declared in ranges:
            bounds = np.array([max(declared.address - _WIDEST, 0), min(declared.end, ADDRESS_MASK)], np.uint64)
            first, behind = addresses.searchsorted(bounds)
            near = by_address[first:behind]
            near = near[accesses.last[near] >= np.uint64(declared.address)]
            _, firsts = np.unique(accesses.rip[near], return_index=True)
            yield from (_Touched(number, made, declared.name) for number in near[firsts].tolist())

    def _ranges(self, call: CheckedCall) -> dict[int, _Ranges]:
        """Return the user ranges of accessor calls by the number of whatever else should not touch them.

        It is the caller, and what the host started while the accessor was running: filters and handlers.
        """
        found = defaultdict(list)
        by_activation = {made.activation: index for index, made in enumerate(call.accessor_calls)}
        for each in call.tree.activations:
            index = by_activation.get(each)
            if index is not None and each.parent is not None:
                found[each.parent.number].append(index)
            if not each.by_guest:
                found[each.number] += [by_activation[above] for above in each.chain() if above in by_activation]
        strings = call.accessor_ranges.strings
        return {
            number: [
                (call.accessor_calls[index], declared)
                for index in indices
                for declared in (*call.accessor_calls[index].ranges, *filter(None, [strings.get(index)]))
                if declared.is_user and declared.size > 0
            ]
            for number, indices in found.items()
        }

    def _finding(self, call: CheckedCall, touched: _Touched) -> Finding:
        accesses, made = call.accesses, touched.made
        at = int(accesses.instruction[touched.access])
        activation = made.activation
        if at < activation.begin:
            when = "before the call"
        else:
            when = "after the call" if at >= activation.end else "while it runs"
        size = int(accesses.size[touched.access])
        touching = call.data(int(accesses.address[touched.access]))
        evidence = [f"touching {touching}, {size} byte{'' if size == 1 else 's'}"]
        if activation.call_site is not None:
            site = Gva(int(call.instructions.rip[activation.call_site]))
            evidence.append(f"{made.name} is called at {call.place(site)}")
        does = "reads" if accesses.is_read[touched.access] else "writes"
        message = f"{does} the {touched.name} of {made.name} {when}"
        return call.finding(self.name, message, at, evidence)
