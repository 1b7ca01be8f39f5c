# SPDX-License-Identifier: GPL-2.0-or-later
"""The stack as the calling convention has it: what a function may do with RSP, with its frame and above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from emu.address import Gva
from emu.checks.call.blame import caller_of_accessor
from emu.checks.call.callees import called_by, callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.frames import HOME_SPACE
from emu.checks.call.stack_operands import bytes_popped_more, bytes_returned, displacement_from_rsp, stack_use
from emu.checks.call.stack_suspects import Suspect, Suspicion, stack_suspects
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_SLOT: Final = 8
"""Bytes of a return address, and of an argument."""
_BY_REGISTER: Final = 4
"""Arguments that have home space and no place of their own."""
_ALIGNMENT: Final = 16
_OTHER_STACK: Final = 1 << 16
"""Bytes from the return address at which RSP is taken to be on another stack."""
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
        suspects = stack_suspects(call.native_tables, call.instructions.values(stack_use))
        if suspects:
            yield from self._returns(call, suspects)
            yield from self._calls(call, suspects)
            yield from self._writes(call, suspects)
            yield from self._reads(call, suspects)

    def _returns(self, call: CheckedCall, suspects: Sequence[Suspect]) -> Iterator[Finding]:
        for at, access, reasons in suspects:
            if not reasons & Suspicion.RETURNS_ELSEWHERE:
                continue
            slot, popped = _slot(call, at), int(call.accesses.address[access])
            goes_to = int(call.accesses.table["low"][access])
            found = (
                self._moved(call, at, slot, popped, goes_to)
                if slot != popped
                else self._overwritten(call, at, slot, goes_to)
            )
            if found is not None:
                yield found
                return
        for at, *_ in _first_of_each(call, suspects, Suspicion.POPS_MORE):
            popped_more = bytes_popped_more(call.instructions.encoding(at))
            yield call.finding(self.name, f"pops {popped_more} bytes of its caller's as it returns", at)

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
        blamed = caller_of_accessor(call, writer)
        if blamed != writer:
            evidence.insert(0, f"in {call.place(Gva(int(call.instructions.rip[writer])))}")
        return call.finding(self.name, f"writes over the return address of {function}", blamed, evidence)

    def _calls(self, call: CheckedCall, suspects: Sequence[Suspect]) -> Iterator[Finding]:
        wrong = Suspicion.CALLS_OFF_ALIGNMENT | Suspicion.CALLS_WITHOUT_HOME
        for at, access, reasons in _first_of_each(call, suspects, wrong):
            site, callee, called = Gva(int(call.instructions.rip[at])), callee_name(call, at), called_by(call, at)
            is_near = called is not None and 0 < called.entry - site < _THUNK
            is_local = is_near or callee == call.function_name(site)
            if is_local or callee.rpartition("!")[2] in _PROBES:
                continue
            pushed = int(call.accesses.address[access])
            if reasons & Suspicion.CALLS_OFF_ALIGNMENT:
                evidence = f"RSP is {(pushed + _SLOT) % _ALIGNMENT} above a multiple of {_ALIGNMENT}"
                yield call.finding(self.name, f"calls {callee} with RSP off a multiple of 16", at, [evidence])
            if reasons & Suspicion.CALLS_WITHOUT_HOME:
                evidence = (
                    f"{HOME_SPACE} bytes above the return address are the function's that is called; "
                    f"{_slot(call, at) - pushed - _SLOT} bytes above this one stands the caller's own return address"
                )
                yield call.finding(self.name, f"calls {callee} without home space for it", at, [evidence])

    def _writes(self, call: CheckedCall, suspects: Sequence[Suspect]) -> Iterator[Finding]:
        for at, *_ in _first_of_each(call, suspects, Suspicion.WRITES_BELOW):
            yield call.finding(self.name, "writes below RSP, where an interrupt may write over it", at)
        for at, access, _ in _first_of_each(call, suspects, Suspicion.WRITES_ABOVE):
            activation, address = call.tree.at(at), int(call.accesses.address[access])
            if activation is not None and not _is_argument(call, activation, address):
                off = address - _slot(call, at) - _SLOT
                evidence = f"{off} bytes above its return address, where its caller has passed no argument"
                yield call.finding(self.name, "writes above its frame, into its caller's", at, [evidence])

    def _reads(self, call: CheckedCall, suspects: Sequence[Suspect]) -> Iterator[Finding]:
        """Report what a function reads where a function that it called may have written."""
        for at, access, _ in _first_of_each(call, suspects, Suspicion.READS_HOME):
            writer = _last_write(call, int(call.accesses.address[access]), at)
            reader, author = call.tree.at(at), None if writer is None else call.tree.at(writer)
            if writer is None or author is None or reader is None or not _is_callee(call, author, reader):
                continue
            place = call.place(Gva(int(call.instructions.rip[writer])))
            evidence = f"{call.function_name(author.entry)} wrote there at {place}"
            yield call.finding(self.name, "reads the home space of a function that it has called", at, [evidence])


def _first_of_each(call: CheckedCall, suspects: Sequence[Suspect], reasons: Suspicion) -> Iterable[Suspect]:
    """Return the suspects for one of some reasons, the first at each address: code there may have changed."""
    found: dict[int, Suspect] = {}
    for each in suspects:
        if each.reasons & reasons:
            found.setdefault(int(call.instructions.rip[each.instruction]), each)
    return found.values()


def _slot(call: CheckedCall, instruction: int) -> int:
    """Return where the return address of the activation of an instruction stands, 0 where that is not known."""
    activation = call.tree.at(instruction)
    return 0 if activation is None else int(call.frames.slot[activation.number])


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
