# SPDX-License-Identifier: GPL-2.0-or-later
import ctypes
import pathlib
from types import SimpleNamespace

import pytest

from emu.cpu import native_core
from emu.cpu.native_core import NativeCoreError, load_native_core


def test_it_is_there_and_fits() -> None:
    assert load_native_core() is load_native_core()


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(native_core, "BUILT", tmp_path)
    with pytest.raises(NativeCoreError, match=r"emu_core\.\w+ is not built; run `make setup`"):
        load_native_core.__wrapped__()


class Function:
    """A function of a native core."""

    def __init__(self, result: int) -> None:
        self.result = result

    def __call__(self) -> int:
        return self.result


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(core_layout=Function(0x10001)))
    with pytest.raises(NativeCoreError, match=r"another version \(core_layout 0x10001, expected 0x[0-9a-f]+\)"):
        load_native_core.__wrapped__()


def test_a_library_without_a_structure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = load_native_core().core_layout()
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(core_layout=Function(layout)))
    with pytest.raises(NativeCoreError, match="from another version; build it again: `make setup`"):
        load_native_core.__wrapped__()
