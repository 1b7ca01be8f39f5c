# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make bench` measures: the numbers of the README, with ratios against what a user would do otherwise."""
