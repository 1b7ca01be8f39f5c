# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong when guest code is built."""


class ToolchainMissing(RuntimeError):
    """The compiler wheel is not installed in this Python."""


class GuestBuildError(RuntimeError):
    """The sources cannot be turned into an image: a file is missing or unfit, or the compiler or linker refused it."""
