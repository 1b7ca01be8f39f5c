# SPDX-License-Identifier: GPL-2.0-or-later
"""The build hook: wheels and editable installs get the system images and the native core, built here."""

import pathlib
import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SystemBuildHook(BuildHookInterface[Any]):
    """Builds `emu/_built`, and makes the wheel one for this platform."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before hatchling collects files; raises what the toolchain raises. An sdist is sources only."""
        if self.target_name != "wheel":
            return
        project = pathlib.Path(self.root)
        sys.path.insert(0, str(project))
        from emu.toolchain.native_core import native_target, wheel_platform  # noqa: PLC0415 (found through sys.path)
        from emu.toolchain.system import build_system  # noqa: PLC0415

        build_system(project, project / "emu" / "_built")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{wheel_platform(native_target())}"
        build_data["artifacts"].append("emu/_built/*")
        if version == "standard":
            # An editable install finds the guest's sources in the checkout.
            build_data["force_include"][str(project / "guest")] = "emu/_guest"
