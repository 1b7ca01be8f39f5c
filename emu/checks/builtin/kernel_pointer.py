# SPDX-License-Identifier: GPL-2.0-or-later
"""Pointers on the wrong side of an accessor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.blame import caller_of_accessor
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import USER_END
from emu.checks.call.given_addresses import touched_by_given_address
from emu.checks.call.memory_names import memory_name
from emu.checks.call.origins import KERNEL_BEGIN, Origin, OriginKind
from emu.checks.call.untrusted import is_untrusted
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_SIDES: Final = ("user", "kernel")
_SWAPPED: Final = "Source and Destination swapped"


class KernelPointer(Check):
    """A pointer of the wrong half of the address space is given to an accessor, or followed outside of one.

    Proves: an accessor was entered with a pointer of the half that it is not for, which it then refuses, or takes
    unchecked. Source and Destination may be swapped. What user code gave the driver is its own mistake, and refusing it
    what the accessor is for: an address that was read from user memory, or that the host gave as a number and not as a
    buffer, is not reported, nor what was calculated from one. But where kernel memory is touched by such an address
    outside of accessors, nobody refused it: user code reads or writes the kernel's memory by the driver.
    Cannot see: a pointer of a length of 0, which is never used; a kernel address that user code gave once the registers
    that held it were restored by an unwind, if nothing shows that it is the same; memory more than a page behind an
    address that was read whole. Pointers that Mode decides about belong to the check `mode`.
    Cost: looks at the arguments of accessors and for kernel addresses in what was read of user memory, and only of a
    wrong one at where it came from.
    """

    name = "kernel-pointer"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of an accessor with pointers on the wrong side, and each instruction that follows one."""
        for made in call.accessor_calls:
            parent = made.activation.parent
            if made.length == 0 or (parent and call.is_accessor(parent)):
                continue
            wrong = [name for name in _pointers(made) if self._is_wrong(call, made, name)]
            if wrong:
                yield self._finding(call, made, wrong)
        for access, origin in touched_by_given_address(call):
            yield self._followed(call, access, origin)

    def _is_wrong(self, call: CheckedCall, made: AccessorCall, name: str) -> bool:
        value = made.arguments[name]
        if made.accessor.parameter(name).side == "kernel":
            return value < USER_END
        return value >= KERNEL_BEGIN and not is_untrusted(call, made, name)

    def _finding(self, call: CheckedCall, made: AccessorCall, wrong: list[str]) -> Finding:
        side = {name: made.accessor.parameter(name).side for name in wrong}
        given = [f"a {_other(side[name])} address for {name}, which is to be {side[name]} memory" for name in wrong]
        is_swapped = {"Source", "Destination"} <= set(wrong) and len(set(side.values())) == len(_SIDES)
        message = f"{made.name} is called with " + (_SWAPPED if is_swapped else " and ".join(given))
        evidence = [
            f"{name} points to {memory_name(call, made.arguments[name], made.activation.begin)}" for name in wrong
        ]
        return call.finding_at_call(self.name, message, made.activation, evidence)

    def _followed(self, call: CheckedCall, access: int, origin: Origin) -> Finding:
        accesses = call.accesses
        does = "reads" if accesses.is_read[access] else "writes"
        size = int(accesses.size[access])
        evidence = [f"touching {call.data(int(accesses.address[access]))}, {size} byte{'' if size == 1 else 's'}"]
        if origin.kind is OriginKind.USER_MEMORY:
            read = caller_of_accessor(call, origin.instruction)
            evidence.append(f"the address was read at {call.place(Gva(int(call.instructions.rip[read])))}")
        else:
            evidence.append("the address is an argument of the call, and no buffer of the host's")
        message = f"{does} kernel memory at an address that user code gave"
        return call.finding(self.name, message, int(accesses.instruction[access]), evidence)


def _pointers(made: AccessorCall) -> list[str]:
    return [parameter.name for parameter in made.accessor.parameters if parameter.side in _SIDES]


def _other(side: str) -> str:
    return _SIDES[1 - _SIDES.index(side)]
