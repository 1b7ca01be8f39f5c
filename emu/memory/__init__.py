# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest-physical RAM, page tables, address spaces and page states."""
