# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m emu.toolchain` brings a checkout's system images and native core up to date."""

import sys

from emu.toolchain.errors import GuestBuildError, ToolchainMissing
from emu.toolchain.layout import built_directory
from emu.toolchain.system import build_system


def main() -> int:
    """Build what is out of date; returns the exit status."""
    output = built_directory()
    try:
        changed = build_system(output.parent.parent, output)
    except (GuestBuildError, ToolchainMissing) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{output}: {'built' if changed else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
