# SPDX-License-Identifier: GPL-2.0-or-later
"""A user's mistake about checks."""


class CheckError(ValueError):
    """A selection, a suppression or a plugin that cannot be; the message says what can."""
