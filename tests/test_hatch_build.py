# SPDX-License-Identifier: GPL-2.0-or-later
"""The wheel has what a driver's build needs."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from emu.toolchain import built_directory, guest_directory

ROOT = Path(__file__).parents[1]


def test_the_wheel_carries_the_header_the_libraries_and_the_sources(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        for name in ("umaccess.lib", "umaccess_dbg.lib", "umaccess.sys", "ntoskrnl.exe"):
            assert archive.read(f"emu/_built/{name}") == (built_directory() / name).read_bytes()
        header = (guest_directory() / "include" / "usermode_accessors.h").read_bytes()
        assert archive.read("emu/_guest/include/usermode_accessors.h") == header
        names = archive.namelist()
    for path in (guest_directory() / "umaccess").iterdir():
        assert f"emu/_guest/umaccess/{path.name}" in names
    assert "emu/accessors/documented.json" in names
