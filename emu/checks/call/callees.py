# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call instruction calls."""

from __future__ import annotations

from emu.address import Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.tree import Activation


def called_by(call: CheckedCall, at: int) -> Activation | None:
    """Return the activation that a call instruction began, None where it led to no code."""
    found = call.tree.at(at + 1) if at + 1 < len(call.instructions) else None
    while found is not None and found.call_site != at and found.begin == at + 1:
        found = found.parent
    return found if found is not None and found.call_site == at else None


def callee_name(call: CheckedCall, at: int) -> str:
    """Return `module!function` of what a call instruction calls, behind the thunk of an import that itself."""
    activation = called_by(call, at)
    if activation is None:
        return "what is no code"
    return call.function_name(call.explanation.linked(Gva(activation.entry)))
