# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the return address of each activation stands, and which activations returned to it."""

from __future__ import annotations

import functools

import numpy as np

from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Accesses, Instructions, Mask, Numbers
from emu.checks.call.tree import Activation, CallTree
from emu.trace.source import Words

HOME_SPACE = 32
"""Bytes above the return address that are the callee's (Microsoft Learn, "x64 stack usage")."""

_HLT = b"\xf4"
"""What the host has code return to that it began."""


class Frames:
    """The frames of the activations of a call, by the activations' numbers."""

    def __init__(self, tree: CallTree, instructions: Instructions, accesses: Accesses) -> None:
        self._tree = tree
        self._instructions = instructions
        self._accesses = accesses

    @functools.cached_property
    def parent(self) -> Numbers:
        """The caller of each; -1 for none."""
        parents = [-1 if each.parent is None else each.parent.number for each in self._tree.activations]
        return np.array(parents, np.int64)

    def pushed_at(self, calls: Numbers) -> Words:
        """Return the address at which each of some call instructions pushed."""
        pushed: Words = self._accesses.address[self._accesses.instruction.searchsorted(calls, "right") - 1]
        return pushed

    @functools.cached_property
    def slot(self) -> Words:
        """The address at which the return address of each was pushed; 0 where the host began it.

        Where it was jumped to, it is that of what jumped.
        """
        activations = self._tree.activations
        slots = np.zeros(len(activations), np.uint64)
        called = [each for each in activations if each.call_site is not None and not each.by_jump]
        if called:
            sites = np.array([each.call_site for each in called], np.int64)
            slots[[each.number for each in called]] = self.pushed_at(sites)
        for each in activations:
            if each.by_jump and each.parent is not None:
                slots[each.number] = slots[each.parent.number]
        return slots

    @functools.cached_property
    def returned(self) -> Mask:
        """Whether each ended with a return of its own, or of what it jumped to."""
        instructions, tree = self._instructions, self._tree
        returned = np.zeros(len(tree.activations), bool)
        returns = set(instructions.of_kind(CodeKind.RETURN).tolist())
        for each in reversed(tree.activations):
            last = each.end - 1
            if each.end >= len(instructions) or last not in returns:
                continue
            owner = tree.at(last)
            while owner is not None and owner is not each and owner.by_jump:
                owner = owner.parent
            returned[each.number] = owner is each and self._goes_back(each)
        return returned

    def _goes_back(self, activation: Activation) -> bool:
        """Tell whether what comes behind an activation is what it is to return to."""
        goes_to = int(self._instructions.rip[activation.end])
        if activation.return_address is not None:
            return goes_to == activation.return_address
        # Code may go on in a function that is further up, as behind a `goto` out of a __finally, and return for that.
        is_host = self._instructions.encoding(activation.end) == _HLT
        return is_host and all(goes_to != each.return_address for each in activation.chain())
