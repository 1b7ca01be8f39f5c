# SPDX-License-Identifier: GPL-2.0-or-later
"""The stack as the calling convention has it: what a function may do with RSP, with its frame and above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import ADDRESS_MASK, Gva
from emu.checks.call.callees import called_by, callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import Mask, Numbers
from emu.checks.call.frames import HOME_SPACE
from emu.checks.call.stack_operands import bytes_popped_more, bytes_returned, displacement_from_rsp, side_of_rsp
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.trace.source import Words

_SLOT: Final = 8
"""Bytes of a return address, and of an argument."""
_BY_REGISTER: Final = 4
"""Arguments that have home space and no place of their own."""
_ALIGNMENT: Final = 16
_OTHER_STACK: Final = 1 << 16
"""Bytes from the return address at which RSP is taken to be on another stack."""
_JUMPS_BY_RETURNING: Final = 8
"""Calls from which none has returned, and whose callers are returned to."""
_THUNK: Final = 32
"""Bytes within which a call leads into the same function, as that of a retpoline does, names or none."""
_PROBES: Final = ("__chkstk", "___chkstk_ms", "__chkstk_ms", "_chkstk", "__alloca_probe", "_alloca_probe")
"""Functions that a prologue calls before it has set up its frame."""


class Stack(Check):
    """The stack is not used as the calling convention has it.

    Proves: a function returned with RSP elsewhere than it began, or to an address that was written over its return
    address; called another one with RSP off a multiple of 16, or without 32 bytes of home space below its own return
    address; wrote by `[rsp + n]` above its home space what its caller had passed no argument in, or below RSP, where
    an interrupt writes; or read back what a function that it called had put into its home space.
    Cannot see: writes into other frames through pointers, unless they hit a return address that is then used; how many
    arguments a function has on the stack: a place that its caller wrote to may be one; what RBP addresses.
    Calls within one function and of stack probes are left out.
    Cost: looks at the calls, the returns and the accesses by RSP.
    """

    name = "stack"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once; of returns that go wrong the first alone, since what follows goes by it."""
        if call.frames.slot.any():
            yield from self._returns(call)
            yield from self._calls(call)
            yield from self._writes(call)
            yield from self._reads(call)

    def _returns(self, call: CheckedCall) -> Iterator[Finding]:
        instructions, accesses = call.instructions, call.accesses
        returns = (instructions.kinds & int(CodeKind.RETURN)).nonzero()[0]
        rows = np.minimum(accesses.instruction.searchsorted(returns), max(len(accesses) - 1, 0))
        slots = _slots(call, returns)
        known = (slots != 0) & (accesses.instruction[rows] == returns)
        returns, rows, slots = returns[known], rows[known], slots[known]
        expected = np.array([each.return_address or 0 for each in call.tree.activations], np.uint64)
        popped = accesses.address[rows]
        values = accesses.table["low"][rows]
        wrong = ~_goes_back(call, call.tree.owner[returns], popped, values, expected)
        for at, slot, address, value in zip(
            *(each[wrong].tolist() for each in (returns, slots, popped, values)), strict=True
        ):
            found = (
                self._moved(call, at, slot, address, value)
                if slot != address
                else self._overwritten(call, at, slot, value)
            )
            if found is not None:
                yield found
                return
        yield from self._popping(call, returns)

    def _moved(self, call: CheckedCall, at: int, slot: int, address: int, value: int) -> Finding | None:
        """Return what is wrong with a return that takes its address from elsewhere; `push` and `ret` may be a jump."""
        where = call.explanation.locate(Gva(value))
        is_jump = address < slot and "!" in where  # code, and no register that was pushed and not popped
        if bytes_returned(call.instructions.encoding(at)) is None or abs(address - slot) > _OTHER_STACK or is_jump:
            return None
        off = "below" if address < slot else "above"
        evidence = f"RSP is {abs(address - slot)} bytes {off} the return address, and it goes to {where}"
        return call.finding(self.name, f"returns with RSP {off} where it began", at, [evidence])

    def _overwritten(self, call: CheckedCall, at: int, slot: int, value: int) -> Finding | None:
        """Return what has written over a return address; a thunk that puts its target there by `[rsp]` is not wrong."""
        activation = call.tree.at(at)
        writer = _last_write(call, slot, at)
        if activation is None or writer is None or writer < activation.begin:
            return None
        if displacement_from_rsp(call.instructions.encoding(writer)) == 0:
            return None
        function = call.function_name(activation.entry)
        place = call.place(Gva(int(call.instructions.rip[at])))
        evidence = [f"it then returned to {call.explanation.locate(Gva(value))}, at {place}"]
        return call.finding(self.name, f"writes over the return address of {function}", writer, evidence)

    def _popping(self, call: CheckedCall, returns: Numbers) -> Iterator[Finding]:
        popped = call.instructions.by_encoding(bytes_popped_more)
        if not len(popped):
            return
        popping = returns[popped[returns] > 0]
        _, firsts = np.unique(call.instructions.rip[popping], return_index=True)
        for at in np.sort(popping[firsts]).tolist():
            yield call.finding(self.name, f"pops {popped[at]} bytes of its caller's as it returns", at)

    def _calls(self, call: CheckedCall) -> Iterator[Finding]:
        calls = call.instructions.of_kind(CodeKind.CALL)
        pushed, slots = call.frames.pushed_at(calls), _slots(call, calls)
        is_off = pushed % np.uint64(_ALIGNMENT) != _SLOT
        is_own = (slots == 0) | (slots % np.uint64(_ALIGNMENT) == _SLOT)  # else it was called with RSP off
        no_home = (slots > pushed) & (slots - pushed < np.uint64(_SLOT + HOME_SPACE))
        wrong = calls[(is_off & is_own) | no_home]
        if not len(wrong):
            return
        _, firsts = np.unique(call.instructions.rip[wrong], return_index=True)
        for at in np.sort(wrong[firsts]).tolist():
            site, callee, called = Gva(int(call.instructions.rip[at])), callee_name(call, at), called_by(call, at)
            is_near = called is not None and 0 < called.entry - site < _THUNK
            is_local = is_near or callee == call.function_name(site)
            if is_local or callee.rpartition("!")[2] in _PROBES:
                continue
            index = int(calls.searchsorted(at))
            if is_off[index] and is_own[index]:
                evidence = (
                    f"RSP is {int(pushed[index] + np.uint64(_SLOT)) % _ALIGNMENT} above a multiple of {_ALIGNMENT}"
                )
                yield call.finding(self.name, f"calls {callee} with RSP off a multiple of 16", at, [evidence])
            if no_home[index]:
                frame = int(slots[index] - pushed[index]) - _SLOT
                evidence = (
                    f"{HOME_SPACE} bytes above the return address are the function's that is called; "
                    f"{frame} bytes above this one stands the caller's own return address"
                )
                yield call.finding(self.name, f"calls {callee} without home space for it", at, [evidence])

    def _writes(self, call: CheckedCall) -> Iterator[Finding]:
        accesses = call.accesses
        sides = call.instructions.by_encoding(side_of_rsp)
        if not len(sides):
            return
        sides = sides[accesses.instruction]
        for number in self._first_of_each(call, ((sides < 0) & accesses.is_write).nonzero()[0]):
            message = "writes below RSP, where an interrupt may write over it"
            yield call.finding(self.name, message, int(accesses.instruction[number]))
        writes = ((sides > 0) & accesses.is_write).nonzero()[0]
        slots = _slots(call, accesses.instruction[writes])
        writes = writes[(slots != 0) & (accesses.address[writes] >= slots + np.uint64(_SLOT + HOME_SPACE))]
        for number in self._first_of_each(call, writes):
            at, address = int(accesses.instruction[number]), int(accesses.address[number])
            activation = call.tree.at(at)
            if activation is not None and not _is_argument(call, activation, address):
                off = address - int(call.frames.slot[activation.number]) - _SLOT
                evidence = f"{off} bytes above its return address, where its caller has passed no argument"
                yield call.finding(self.name, "writes above its frame, into its caller's", at, [evidence])

    def _first_of_each(self, call: CheckedCall, numbers: Numbers) -> list[int]:
        if not len(numbers):
            return []
        _, firsts = np.unique(call.accesses.rip[numbers], return_index=True)
        found: list[int] = np.sort(numbers[firsts]).tolist()
        return found

    def _reads(self, call: CheckedCall) -> Iterator[Finding]:
        """Report what a function reads where a function that it called may have written."""
        accesses, frames = call.accesses, call.frames
        called = np.full(len(frames.slot) + 1, ADDRESS_MASK, np.uint64)
        """Of each activation the lowest return address of what it called."""
        by_call = np.array([each.call_site is not None and not each.by_jump for each in call.tree.activations], bool)
        np.minimum.at(called, frames.parent[by_call], frames.slot[by_call])
        slots = called[called != ADDRESS_MASK]
        if not len(slots):
            return
        low, high = slots.min() + np.uint64(_SLOT), slots.max() + np.uint64(_SLOT + HOME_SPACE)
        reads = ((accesses.address >= low) & (accesses.address < high) & accesses.is_read).nonzero()[0]
        own = called[call.tree.owner[accesses.instruction[reads]]]
        above = accesses.address[reads] - np.minimum(own, accesses.address[reads])
        for number in self._first_of_each(call, reads[(above >= _SLOT) & (above < _SLOT + HOME_SPACE)]):
            at, address = int(accesses.instruction[number]), int(accesses.address[number])
            writer = _last_write(call, address, at)
            reader, author = call.tree.at(at), None if writer is None else call.tree.at(writer)
            if writer is None or author is None or reader is None or not _is_callee(call, author, reader):
                continue
            place = call.place(Gva(int(call.instructions.rip[writer])))
            evidence = f"{call.function_name(author.entry)} wrote there at {place}"
            yield call.finding(self.name, "reads the home space of a function that it has called", at, [evidence])


def _goes_back(call: CheckedCall, owners: Numbers, popped: Words, values: Words, expected: Words) -> Mask:
    """Tell which returns go where an activation is to return, from where that stands.

    It is mostly their own; code that a `ret` has jumped to, as a retpoline does, returns for a caller further up.
    """
    frames, found = call.frames, np.zeros(len(owners), bool)
    for _ in range(_JUMPS_BY_RETURNING + 1):
        found |= (owners >= 0) & (frames.slot[owners] == popped) & (expected[owners] == values)
        if found.all():
            break
        owners = np.where(owners >= 0, frames.parent[owners], -1)
    return found


def _slots(call: CheckedCall, instructions: Numbers) -> Words:
    """Return where the return address of the activation of each instruction stands, 0 where that is not known."""
    slots: Words = np.append(call.frames.slot, np.uint64(0))[call.tree.owner[instructions]]
    return slots


def _last_write(call: CheckedCall, address: int, before: int) -> int | None:
    """Return the last instruction before another one that wrote to a place on the stack."""
    accesses = call.accesses
    behind = int(accesses.instruction.searchsorted(before))
    writes = (accesses.touching(address, 1) & accesses.is_write & accesses.performed)[:behind].nonzero()[0]
    return int(accesses.instruction[writes[-1]]) if len(writes) else None


def _is_callee(call: CheckedCall, author: Activation, reader: Activation) -> bool:
    """Tell whether an activation is of another function, and was called by one, or by what that called."""
    is_above = any(each is reader for each in author.chain())
    return author is not reader and is_above and call.function_name(author.entry) != call.function_name(reader.entry)


def _is_argument(call: CheckedCall, activation: Activation, address: int) -> bool:
    """Tell whether a place above the home space of an activation may be one of its arguments."""
    while activation.by_jump and activation.parent is not None:
        activation = activation.parent
    if activation is call.callee:
        index = (address - int(call.frames.slot[activation.number]) - _SLOT) // _SLOT
        return _BY_REGISTER <= index < len(call.request.arguments)
    caller = activation.parent
    writer = None if activation.call_site is None else _last_write(call, address, activation.call_site)
    return caller is not None and writer is not None and writer >= caller.begin
