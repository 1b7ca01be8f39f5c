# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign runs: axes, fault templates, their product and its numbering, samples, the smallest failure."""
