# SPDX-License-Identifier: GPL-2.0-or-later
"""One call as checks look at it: what ran, what was touched, who called whom, what was raised and held."""
