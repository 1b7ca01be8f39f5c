# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that stop the machine (Microsoft Learn, KeBugCheckEx, KeBugCheck)."""

from __future__ import annotations

from typing import Final

from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction


def ke_bug_check_ex(call: ExportCall) -> None:
    """KeBugCheckEx(code, four parameters)."""
    raise ExportBugcheck(call.argument(0) & 0xFFFF_FFFF, *(call.argument(index) for index in range(1, 5)))


def ke_bug_check(call: ExportCall) -> None:
    """KeBugCheck(code): the parameters are 0."""
    raise ExportBugcheck(call.argument(0) & 0xFFFF_FFFF)


EXPORTS: Final[dict[str, ExportFunction]] = {"KeBugCheck": ke_bug_check, "KeBugCheckEx": ke_bug_check_ex}
