# SPDX-License-Identifier: GPL-2.0-or-later
import ctypes
import pathlib

import pytest

from emu.toolchain import GuestBuildError, build_native_core
from emu.toolchain.native_core import native_core_name, native_target, wheel_platform
from tests.toolchain.conftest import Write

SOURCE = """
#ifdef _WIN32
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
int twice(int value);
int twice(int value) { return 2 * value; }
"""


def test_every_source_goes_into_one_library(write: Write, tmp_path: pathlib.Path) -> None:
    write("cpu/native/a.c", SOURCE)
    write("trace/native/a.c", SOURCE.replace("twice", "thrice").replace("2", "3"))
    library = build_native_core(tmp_path, tmp_path / "built")
    assert library == tmp_path / "built" / native_core_name()
    assert [path.name for path in library.parent.iterdir()] == [library.name]
    loaded = ctypes.CDLL(str(library))
    assert (loaded.twice(21), loaded.thrice(14)) == (42, 42)


def test_the_compiler_speaks_for_itself(write: Write, tmp_path: pathlib.Path) -> None:
    write("native/a.c", "int f(void) { return missing; }")
    with pytest.raises(GuestBuildError, match=r"native/a\.c:1:22: error: use of undeclared identifier 'missing'"):
        build_native_core(tmp_path, tmp_path)
    with pytest.raises(GuestBuildError, match="no C files"):
        build_native_core(tmp_path / "empty", tmp_path)


@pytest.mark.parametrize(
    ("target", "library", "tag"),
    [
        ("x86_64-linux-gnu.2.28", "emu_core.so", "manylinux_2_28_x86_64"),
        ("aarch64-linux-gnu.2.28", "emu_core.so", "manylinux_2_28_aarch64"),
        ("x86_64-linux-musl", "emu_core.so", "musllinux_1_2_x86_64"),
        ("aarch64-macos.11.0", "emu_core.dylib", "macosx_11_0_arm64"),
        ("x86_64-macos.11.0", "emu_core.dylib", "macosx_11_0_x86_64"),
        ("x86_64-windows-gnu", "emu_core.dll", "win_amd64"),
        ("aarch64-windows-gnu", "emu_core.dll", "win_arm64"),
    ],
)
def test_names_by_platform(monkeypatch: pytest.MonkeyPatch, target: str, library: str, tag: str) -> None:
    monkeypatch.setenv("UMACCESS_EMU_NATIVE_TARGET", target)
    assert native_target() == target
    assert native_core_name() == library
    assert wheel_platform(target) == tag


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(GuestBuildError, match="unknown system 'plan9'; known are linux macos windows"):
        native_core_name("x86_64-plan9")
