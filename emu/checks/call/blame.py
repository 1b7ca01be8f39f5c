# SPDX-License-Identifier: GPL-2.0-or-later
"""Which instruction of a driver's is behind what the kernel or an accessor did for it."""

from __future__ import annotations

from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.export_calls import ExportCallMade


def export_site(call: CheckedCall, made: ExportCallMade) -> int:
    """Return the instruction that called an export of the host's; the export's own where none did."""
    stub = made.instruction - 1
    activation = call.tree.at(stub)
    if activation is None or activation.call_site is None or not call.in_kernel[activation.begin]:
        return stub
    return activation.call_site


def caller_of_accessor(call: CheckedCall, instruction: int) -> int:
    """Return the instruction that called the accessor in which another one ran; outside of all, that one itself."""
    accessor = call.accessor_at(instruction)
    if accessor is None or accessor.call_site is None or call.is_host_call(accessor):
        return instruction
    return accessor.call_site


def export_of_event(call: CheckedCall, event: int | None) -> ExportCallMade | None:
    """Return the call of an export that an event of the call comes from: the last one before it."""
    if event is None:
        return None
    return next((made for made in reversed(call.export_calls) if made.event <= event), None)
