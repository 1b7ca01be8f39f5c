# SPDX-License-Identifier: GPL-2.0-or-later
"""The booted system: the one run loop, and what it makes of each trap."""
