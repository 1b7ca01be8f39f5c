# SPDX-License-Identifier: GPL-2.0-or-later
"""User memory touched past the accessors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from emu.address import Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl

PROBES: Final = ("ntoskrnl!ProbeForWrite",)
"""Functions of the kernel that touch user memory as they document it."""


class DirectUserAccess(Check):
    """User memory is touched by an instruction outside the accessor family.

    Proves: kernel code read or wrote a user page, and neither the instruction nor any caller of its function was an
    accessor (of the library, of the kernel, or a routine that the project has declared as one).
    Cannot see: what a run does not reach, and what exports that the host implements touch. ProbeForWrite, which
    touches user memory by its contract, is left out. An accessor linked into an image without symbols is not known.
    Cost: looks at the accesses of the trace, all at once.
    """

    name = "direct-user-access"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once, with the first byte that it touched."""
        accesses = call.accesses
        direct = call.direct_user_accesses
        if not len(direct):
            return
        rips = np.unique(accesses.rip[direct])
        probes = [rip for rip in rips.tolist() if call.function_name(Gva(rip)) in PROBES]
        direct = direct[~np.isin(accesses.rip[direct], probes)]
        _, firsts, counts = np.unique(accesses.rip[direct], return_index=True, return_counts=True)
        for first, count in sorted(zip(direct[firsts].tolist(), counts.tolist(), strict=True)):
            yield self._finding(call, first, count)

    def _finding(self, call: CheckedCall, access: int, count: int) -> Finding:
        accesses = call.accesses
        does = "reads" if accesses.is_read[access] else "writes"
        size = int(accesses.size[access])
        times = "" if count == 1 else f", the first of {count:,} accesses"
        return call.finding(
            self.name,
            f"{does} user memory without an accessor",
            int(accesses.instruction[access]),
            [f"touching {call.data(int(accesses.address[access]))}, {size} byte{'' if size == 1 else 's'}{times}"],
        )
