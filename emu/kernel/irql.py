# SPDX-License-Identifier: GPL-2.0-or-later
"""Interrupt request levels of x64 Windows (Microsoft Learn, "Managing Hardware Priorities")."""

PASSIVE_LEVEL = 0
APC_LEVEL = 1
DISPATCH_LEVEL = 2
HIGH_LEVEL = 15

INTERRUPTS_DISABLED = 0xFF
"""What bugcheck 0xA reports instead of the IRQL where RFLAGS.IF was clear."""
