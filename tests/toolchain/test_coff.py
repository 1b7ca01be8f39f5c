# SPDX-License-Identifier: GPL-2.0-or-later
import pathlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.toolchain.coff import GlobalSymbol, archive_globals, object_globals
from emu.toolchain.compiler import find_toolchain

SOURCE = """
const char *text(void) { return "a literal"; }
inline double shared(void) { return 1.5; }
double (*pointer)(void) = shared;
static int hidden(void) { return 1; }
int a_name_of_more_than_eight_bytes(void) { return hidden(); }
extern int elsewhere;
int tentative;
__declspec(selectany) int anywhere = 1;
int use(void) { return elsewhere; }
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("coff")
    (directory / "x.c").write_text(SOURCE)
    flags = ["--target=x86_64-pc-windows-msvc", "-fms-extensions", "-std=gnu89", "-fcommon", "-g0"]
    find_toolchain().run("clang", [*flags, "-c", "x.c", "-o", "x.obj"], directory)
    find_toolchain().run("ar", ["rcsD", "x.lib", "x.obj"], directory)
    return directory


def test_the_globals_of_an_object(compiled: pathlib.Path) -> None:
    # Neither the inline function nor the selectany variable nor the string literal is its alone.
    assert set(object_globals((compiled / "x.obj").read_bytes())) == {
        GlobalSymbol("text", False),
        GlobalSymbol("pointer", True),
        GlobalSymbol("a_name_of_more_than_eight_bytes", False),
        GlobalSymbol("tentative", True),
        GlobalSymbol("use", False),
    }


def test_the_globals_of_an_archive(compiled: pathlib.Path) -> None:
    names = archive_globals((compiled / "x.lib").read_bytes())
    assert {"text", "use", "tentative"} <= names
    assert "hidden" not in names


@pytest.mark.parametrize(("name", "read"), [("x.obj", object_globals), ("x.lib", archive_globals)])
@given(data=st.data())
def test_damage_is_a_value_error(
    compiled: pathlib.Path, name: str, read: Callable[[bytes], object], data: st.DataObject
) -> None:
    whole = (compiled / name).read_bytes()
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="length")])
    for offset, value in data.draw(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4)):
        if offset < len(damaged):
            damaged[offset] = value
    try:
        read(bytes(damaged))
    except ValueError:
        return
