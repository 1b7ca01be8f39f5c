# SPDX-License-Identifier: GPL-2.0-or-later
"""Mode that is not what the pointer is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall
from emu.checks.call.blame import caller_of_accessor
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import USER_END
from emu.checks.call.memory_names import memory_name
from emu.checks.call.origins import KERNEL_BEGIN, Origin, OriginKind
from emu.checks.call.untrusted import argument_origins, is_untrusted
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

_NAMES: Final = ("KernelMode", "UserMode")


class Mode(Check):
    """An accessor is given KernelMode with a user pointer, UserMode with a kernel one, or a Mode that user code chose.

    Proves: with KernelMode, that the accessor was entered with a user address, which it then takes unchecked; with
    UserMode, that it was with a kernel address that did not come from user code (see `kernel-pointer`); of Mode, that
    its value was read from user memory in the same call, and only moved and calculated with since. A Mode that is
    neither is reported, too.
    Cannot see: a Mode that is chosen by comparing with what user code gave; a length of 0, with which nothing is used.
    Cost: looks at the arguments of Mode forms; goes back to where Mode came from once for each place of a call.
    """

    name = "mode"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each call of a Mode form; what an accessor calls in its turn has the same Mode."""
        looked_at: set[tuple[Gva | None, int]] = set()
        for made in call.accessor_calls:
            activation = made.activation
            if made.mode is None or (activation.parent and call.is_accessor(activation.parent)):
                continue
            if made.mode >= len(_NAMES):
                message = f"{made.name} is called with Mode {made.mode}, which is neither KernelMode nor UserMode"
                yield call.finding_at_call(self.name, message, activation)
            yield from self._pointers(call, made)
            place = activation.return_address, activation.entry
            if place not in looked_at:
                looked_at.add(place)
                yield from self._mode(call, made)

    def _pointers(self, call: CheckedCall, made: AccessorCall) -> Iterator[Finding]:
        if made.length == 0:
            return
        activation = made.activation
        for parameter in made.accessor.parameters:
            if parameter.side != "mode":
                continue
            value = made.arguments[parameter.name]
            if made.acts_for_user:
                wrong, half = value >= KERNEL_BEGIN and not is_untrusted(call, made, parameter.name), "kernel"
            else:
                wrong, half = value < USER_END, "user"
            if wrong:
                message = f"{made.name} is called with {_name(made)} and a {half} address for {parameter.name}"
                evidence = [
                    f"{parameter.name} points to {memory_name(call, value, activation.begin)}",
                    f"ExGetPreviousMode is {_previous(call)}",
                ]
                yield call.finding_at_call(self.name, message, activation, evidence)

    def _mode(self, call: CheckedCall, made: AccessorCall) -> Iterator[Finding]:
        read = [each for each in argument_origins(call, made, "Mode") if each.kind is OriginKind.USER_MEMORY]
        if read:
            message = f"{made.name} is called with a Mode that was read from user memory"
            evidence = [f"it is {_name(made)} now", self._read(call, read[0])]
            yield call.finding_at_call(self.name, message, made.activation, evidence)

    def _read(self, call: CheckedCall, origin: Origin) -> str:
        assert origin.access is not None
        place = call.place(Gva(int(call.instructions.rip[caller_of_accessor(call, origin.instruction)])))
        return f"read from {call.data(int(call.accesses.address[origin.access]))} at {place}"


def _name(made: AccessorCall) -> str:
    mode = made.mode or 0
    return _NAMES[mode] if mode < len(_NAMES) else f"Mode {mode}"


def _previous(call: CheckedCall) -> str:
    return _NAMES[call.previous_mode]
