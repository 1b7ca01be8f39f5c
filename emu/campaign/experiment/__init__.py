# SPDX-License-Identifier: GPL-2.0-or-later
"""One experiment: a copy or a call with its data and faults, its replay id, and what it gave."""
