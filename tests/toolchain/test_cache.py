# SPDX-License-Identifier: GPL-2.0-or-later
import concurrent.futures
import pathlib
import sys
import time

import pytest

from emu.toolchain import GuestBuildError, build_guest
from emu.toolchain.cache import cache_directory, content_key
from emu.toolchain.compiler import Toolchain
from tests.toolchain.conftest import RETURNS_ITS_ARGUMENT, Write


def test_a_cached_build_runs_no_tool_and_is_quick(routine: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build_guest(routine)
    monkeypatch.setattr(Toolchain, "run", None)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        assert build_guest(routine) == built
        times.append(time.perf_counter() - start)
    # A millisecond is the aim; the bound leaves room for a busy machine.
    assert min(times) < 0.005


def test_what_changes_the_image_changes_its_place(write: Write, tmp_path: pathlib.Path) -> None:
    header = write("inc/value.inc", ".set VALUE, 1\n")
    data = write("inc/blob.bin", "one")
    source = write("uses.S", '.globl uses\n#include "value.inc"\nuses: mov $VALUE, %eax\nret\n.incbin "blob.bin"\n')

    def build(optimize: str = "1", target: str = "msvc", defines: str = "Y=1") -> pathlib.Path:
        return build_guest(source, include=header.parent, optimize=optimize, target=target, defines=defines)

    seen = {build()}
    assert build() in seen
    for change in (
        lambda: header.write_text(".set VALUE, 2\n"),
        lambda: data.write_text("two"),
        lambda: write("value.inc", ".set VALUE, 3\n"),
        lambda: source.write_text(source.read_text() + "nop\n"),
    ):
        change()
        assert build() not in seen
        seen.add(build())
    for options in ({"optimize": "2"}, {"target": "gnu"}, {"defines": "X=1"}):
        assert build(**options) not in seen
    assert build() in seen


def test_an_include_named_by_a_macro_depends_on_every_file(write: Write) -> None:
    header = write("inc/picked.h", "#define WIDTH 1\n")
    source = write("macro.S", "#include WHICH\n.globl macro\nmacro: .skip WIDTH\n")
    first = build_guest(source, include=header.parent, defines='WHICH="picked.h"')
    header.write_text("#define WIDTH 2\n")
    assert build_guest(source, include=header.parent, defines='WHICH="picked.h"') != first


def test_concurrent_builds_agree_and_leave_nothing_behind(write: Write, fresh_cache: pathlib.Path) -> None:
    sources = [write(f"r{number}.S", RETURNS_ITS_ARGUMENT.format(name=f"r{number}")) for number in range(3)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        built = list(pool.map(lambda _: build_guest(sources), range(6)))
    assert len(set(built)) == 1
    kinds = ("objects", "images", "import")
    names = sorted(path.name for kind in kinds for path in (fresh_cache / kind).rglob("*") if path.is_file())
    assert names == ["ntoskrnl.lib", "r0.obj", "r0.sys", "r1.obj", "r2.obj"]
    assert not list(fresh_cache.rglob("build-*"))


def test_a_failed_build_leaves_nothing_behind(write: Write, fresh_cache: pathlib.Path) -> None:
    with pytest.raises(GuestBuildError):
        build_guest(write("bad.c", "nonsense"))
    assert not [path for path in (fresh_cache / "objects").rglob("*") if path.is_file()]


def test_nothing_is_written_beside_the_sources(routine: pathlib.Path, fresh_cache: pathlib.Path) -> None:
    build_guest(routine)
    assert sorted(path.name for path in routine.parent.iterdir()) == ["cache", "routine.S"]


def test_an_unwritable_cache_says_how_to_choose_another(
    routine: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UMACCESS_EMU_CACHE", str(tmp_path / "file"))
    with pytest.raises(GuestBuildError, match=r"cannot be written .*set UMACCESS_EMU_CACHE to a directory that can"):
        build_guest(routine)


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "umaccess-emu"),
        ("win32", "LOCALAPPDATA", "umaccess-emu"),
        ("darwin", "HOME", "Library/Caches/umaccess-emu"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, expected: str
) -> None:
    monkeypatch.delenv("UMACCESS_EMU_CACHE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_directory() == tmp_path / expected


def test_a_key_depends_on_where_its_parts_end() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("ab", b"c") == content_key(b"ab", "c")
