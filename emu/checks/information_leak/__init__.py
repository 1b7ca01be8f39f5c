# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows bytes that the kernel never initialised, instruction by instruction, to user memory."""
