# SPDX-License-Identifier: GPL-2.0-or-later
"""Pointers on the wrong side of an accessor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import USER_END
from emu.checks.call.memory_names import memory_name
from emu.checks.call.origins import KERNEL_BEGIN
from emu.checks.call.untrusted import is_untrusted
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_SIDES: Final = ("user", "kernel")
_SWAPPED: Final = "Source and Destination swapped"


class KernelPointer(Check):
    """A kernel address is given to an accessor for a user pointer, or a user address for a kernel pointer.

    Proves: an accessor was entered with a pointer of the half that it is not for, which it then refuses, or takes
    unchecked. Source and Destination may be swapped. What user code gave the driver is its own mistake, and refusing it
    what the accessor is for: an address that was read from user memory, or that the host gave as a number and not as a
    buffer, is not reported, nor what was calculated from one.
    Cannot see: a pointer of a length of 0, which is never used; a kernel address that user code gave once the registers
    that held it were restored by an unwind, if nothing shows that it is the same. Pointers that Mode decides about
    belong to the check `mode`.
    Cost: looks at the arguments of accessors, and only of a wrong one at where it came from.
    """

    name = "kernel-pointer"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of an accessor with pointers on the wrong side."""
        for made in call.accessor_calls:
            parent = made.activation.parent
            if made.length == 0 or (parent and call.is_accessor(parent)):
                continue
            wrong = [name for name in _pointers(made) if self._is_wrong(call, made, name)]
            if wrong:
                yield self._finding(call, made, wrong)

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


def _pointers(made: AccessorCall) -> list[str]:
    return [parameter.name for parameter in made.accessor.parameters if parameter.side in _SIDES]


def _other(side: str) -> str:
    return _SIDES[1 - _SIDES.index(side)]
