# SPDX-License-Identifier: GPL-2.0-or-later
"""Contract checks: what guest code and its data must hold to, and the findings where they do not."""
