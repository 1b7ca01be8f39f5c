# SPDX-License-Identifier: GPL-2.0-or-later
"""What a judge says of an experiment."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class VerdictClass(IntEnum):
    """The classes, by the number that a store keeps."""

    CORRECT = 0
    WRONG_DATA = 1
    """Bytes landed that must not have, or did not land that must have."""
    WRONG_STATUS = 2
    """It ended another way, with another status or at another address than it must have."""
    STATE_LEAK = 3
    """A register, a flag, the IRQL or memory outside the target is not as it was."""
    BUGCHECK = 4
    TIMEOUT = 5
    MASKED = 6
    """What was injected had no effect: it never struck, or changed nothing."""
    EMULATOR_ERROR = 7
    """The emulator could not run it: something is not modelled, or its process died."""

    @property
    def label(self) -> str:
        """The name in reports: `wrong-data`."""
        return self.name.lower().replace("_", "-")


class Verdict(NamedTuple):
    """A class, and what led to it in one line; empty for a correct one."""

    kind: VerdictClass
    detail: str = ""


CORRECT: Final = Verdict(VerdictClass.CORRECT)
