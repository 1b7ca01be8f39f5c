# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong with an experiment."""


class ExperimentError(ValueError):
    """An experiment that cannot be run or read; the message is one line and names the value and the way out."""
