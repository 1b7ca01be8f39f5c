# SPDX-License-Identifier: GPL-2.0-or-later
import importlib.util
import pathlib
import shutil
import subprocess
import sys

import pytest

from emu.image import PeImage
from emu.image.symbols import symbol_table
from emu.toolchain import GuestBuildError, ToolchainMissing, build_guest, library
from emu.toolchain.compiler import find_toolchain
from tests.toolchain.conftest import RETURNS_ITS_ARGUMENT, Write

GUARDED = """
#include <ntddk.h>
long last;
NTSTATUS Peek(long *user)
{
    __try {
        last = *(volatile long *)user;
        DbgPrint("%d", last);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return GetExceptionCode();
    }
    return 0;
}
"""


def read(path: pathlib.Path) -> PeImage:
    return PeImage.parse(path.read_bytes(), path.name)


def test_every_global_of_an_assembly_source_is_exported(write: Write) -> None:
    text = ".globl first, value, zeroed\nfirst: ret\nlocal: ret\n.data\nvalue: .quad first\n.bss\nzeroed: .skip 8\n"
    image = read(build_guest(write("many.S", text)))
    assert set(image.exports) == {"first", "value", "zeroed"}
    assert image.relocations == (image.exports["value"],)
    assert image.name == "many.sys"


@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("optimize", ["0", "2"])
def test_c_with_try_and_except_imports_the_language_handler(write: Write, target: str, optimize: str) -> None:
    image = read(build_guest(write("peek.c", GUARDED), target=target, optimize=optimize))
    assert {each.name for each in image.imports} == {"DbgPrint", "__C_specific_handler"}
    assert set(image.exports) == {"Peek", "last"}
    assert image.functions.lookup(image.exports["Peek"]) is not None


def test_kernel_functions_and_data_are_imported(write: Write) -> None:
    source = write(
        "imports.S",
        """
        .intel_syntax noprefix
        .globl imports
        imports:
            mov rax, [rip + __imp_MmUserProbeAddress]
            call RtlRaiseException
            jmp __C_specific_handler
        """,
    )
    names = {each.name for each in read(build_guest(source)).imports}
    assert names == {"MmUserProbeAddress", "RtlRaiseException", "__C_specific_handler"}


def test_the_entry_point_is_driver_entry_where_there_is_one(write: Write, routine: pathlib.Path) -> None:
    entry = write("entry.c", "long DriverEntry(void *driver, void *path) { return driver == path; }")
    image = read(build_guest([routine, entry]))
    assert image.entry_point == image.exports["DriverEntry"]
    assert read(build_guest(routine)).entry_point is None


def test_defines_and_include_directories(write: Write) -> None:
    header = write("elsewhere/width.h", "#define WIDTH 8\n")
    source = write("wide.S", '#include "width.h"\n.globl NAME\nNAME: ret\n.skip WIDTH\n')
    image = read(build_guest(source, include=header.parent, defines="NAME=chosen"))
    assert set(image.exports) == {"chosen"}


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_floating_point_and_large_frames_need_no_runtime(write: Write, target: str) -> None:
    text = "double half(int n) { volatile char page[9000]; page[n] = 1; return page[0] / 2.0; }"
    image = read(build_guest(write("half.c", text), target=target))
    assert set(image.exports) == {"half"}
    assert image.imports == ()


def test_an_object_and_an_archive_link_and_members_are_exported_by_name(write: Write, tmp_path: pathlib.Path) -> None:
    toolchain = find_toolchain()
    for name in ("inside", "unused"):
        write(f"{name}.S", RETURNS_ITS_ARGUMENT.format(name=name))
        toolchain.run("clang", ["--target=x86_64-pc-windows-msvc", "-c", f"{name}.S", "-o", f"{name}.obj"], tmp_path)
    toolchain.run("ar", ["rcsD", "both.lib", "inside.obj", "unused.obj"], tmp_path)

    caller = write("caller.S", ".globl caller\ncaller: jmp inside\n")
    assert set(read(build_guest([caller, tmp_path / "both.lib"])).exports) == {"caller"}
    exported = read(build_guest([caller, tmp_path / "both.lib"], export=["unused"]))
    assert set(exported.exports) == {"caller", "unused"}
    assert set(read(build_guest(tmp_path / "inside.obj")).exports) == {"inside"}


CALLS_THE_LIBRARY = """
void CopyFromUser(void *, volatile const void *, unsigned long long);
void Capture(void *kernel, void *user) { CopyFromUser(kernel, user, 8); }
"""


@pytest.mark.parametrize("target", ["msvc", "gnu"])
@pytest.mark.parametrize("optimize", ["0", "2"])
def test_what_is_called_of_the_accessors_comes_from_the_library(write: Write, target: str, optimize: str) -> None:
    image = read(build_guest(write("capture.c", CALLS_THE_LIBRARY), target=target, optimize=optimize))
    assert set(image.exports) == {"Capture"}
    assert "CopyFromUser" in symbol_table(image).all
    assert "CopyFromUser" not in {each.name for each in image.imports}
    exported = read(build_guest(write("capture.c", CALLS_THE_LIBRARY), export="CopyFromUser"))
    assert set(exported.exports) == {"Capture", "CopyFromUser"}


def test_of_the_library_comes_only_what_is_called(routine: pathlib.Path, write: Write) -> None:
    image = read(build_guest(routine))
    assert image.imports == ()
    assert "UmaInitialize" not in symbol_table(image).all
    own = write("own.c", CALLS_THE_LIBRARY.replace("unsigned long long);", "unsigned long long n) {}"))
    assert "UmaInitialize" not in symbol_table(read(build_guest(own))).all
    with pytest.raises(GuestBuildError, match="undefined symbol: CopyFromUser"):
        build_guest(write("capture.c", CALLS_THE_LIBRARY), accessors=False)


def test_an_accessor_imported_outright_stays_an_import(write: Write) -> None:
    source = write("imports.c", CALLS_THE_LIBRARY.replace("void Copy", "__declspec(dllimport) void Copy"))
    image = read(build_guest([source, write("calls.c", CALLS_THE_LIBRARY.replace("Capture", "Captures"))]))
    assert "CopyFromUser" in {each.name for each in image.imports}
    assert "CopyFromUser" in symbol_table(image).all


def test_the_defines_choose_the_library_and_a_changed_one_makes_another_image(
    write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write("capture.c", CALLS_THE_LIBRARY)
    monkeypatch.setattr(library, "built_directory", lambda: tmp_path)

    def build(name: str, marker: str) -> None:
        copy = write("copy.S", f'.globl CopyFromUser\nCopyFromUser: ret\n.ascii "{marker}"\n')
        library.build_library([copy], tmp_path / name)

    build("umaccess.lib", "the plain one")
    build("umaccess_dbg.lib", "the debug one")
    for defines, marker in (((), b"plain"), ("DBG=0", b"plain"), ("DBG", b"debug"), ("DBG=1", b"debug")):
        assert b"the %b one" % marker in build_guest(source, defines=defines).read_bytes()
    build("umaccess.lib", "the other one")
    assert b"the other one" in build_guest(source).read_bytes()


def test_two_builds_are_the_same_bytes_wherever_they_are(
    write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a/peek.c", GUARDED)
    write("a/inc/helper.h", "#define HELPER 1\n")
    write("a/routine.S", '#include "helper.h"\n' + RETURNS_ITS_ARGUMENT.format(name="routine"))
    shutil.copytree(tmp_path / "a", tmp_path / "somewhere" / "else")
    built = []
    for number, directory in enumerate((tmp_path / "a", tmp_path / "somewhere" / "else")):
        monkeypatch.setenv("UMACCESS_EMU_CACHE", str(tmp_path / f"cache-{number}"))
        built.append(build_guest([directory / "peek.c", directory / "routine.S"], include=directory / "inc"))
    first, second = (path.read_bytes() for path in built)
    assert first == second
    assert str(tmp_path).encode() not in first
    assert str(find_toolchain().directory).encode() not in first


def test_output_is_a_copy_and_names_the_module(routine: pathlib.Path, tmp_path: pathlib.Path) -> None:
    output = tmp_path / "renamed.sys"
    assert build_guest(str(routine), output) == output
    assert set(read(output).exports) == {"routine"}
    assert b"renamed.sys\0" in output.read_bytes()


def test_the_compiler_speaks_for_itself_about_the_file_as_given(
    write: Write, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sub/broken.S", ".intel_syntax noprefix\nfine: nop\nmov rax\n")
    write("sub/deep.h", "int f(void) { return missing; }\n")
    write("sub/deep.c", '#include "deep.h"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GuestBuildError, match=r"sub/broken\.S:3:1: error: .*operand") as caught:
        build_guest("sub/broken.S")
    assert str(caught.value).startswith("cannot compile sub/broken.S:\n")
    with pytest.raises(GuestBuildError, match=r"from sub/deep\.c:1:\n(?s:.*)undeclared identifier 'missing'"):
        build_guest("sub/deep.c")


def test_the_linker_speaks_for_itself(write: Write) -> None:
    source = write("lonely.c", "int nowhere(void);\nint lonely(void) { return nowhere() + 1; }\n")
    with pytest.raises(GuestBuildError, match=r"cannot link lonely\.sys:\n(?s:.*)undefined symbol: nowhere") as caught:
        build_guest(source)
    assert f"referenced by {source}" in str(caught.value)


def test_an_export_that_is_nowhere_is_named(routine: pathlib.Path) -> None:
    with pytest.raises(GuestBuildError, match="export='rutine' is a global symbol of none of the sources"):
        build_guest(routine, export=["routine", "rutine"])


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("thing.obj", b"\0\0\xff\xff" + bytes(60), r"thing\.obj: no AMD64 COFF object: the machine field is 0x0000"),
        ("short.obj", b"\x64\x86", r"short\.obj: truncated COFF object"),
        ("text.lib", b"hello", r"text\.lib: no archive with a symbol index"),
        ("thing.cpp", b"", r"thing\.cpp: unknown kind of source '\.cpp'; known are \.S \.s \.c \.obj \.o \.lib \.a"),
    ],
)
def test_an_unfit_file_is_refused(tmp_path: pathlib.Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(GuestBuildError, match=message):
        build_guest(tmp_path / name)


def test_missing_and_no_sources_are_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(GuestBuildError, match=r"absent\.S: no such file"):
        build_guest(tmp_path / "absent.S")
    (tmp_path / "present.S").write_text("nop\n")
    with pytest.raises(GuestBuildError, match=r"include directory .*typo: no such directory"):
        build_guest(tmp_path / "present.S", include=tmp_path / "typo")
    with pytest.raises(GuestBuildError, match="no sources given"):
        build_guest([])


def test_an_output_that_cannot_be_written_is_refused(routine: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(GuestBuildError, match=r"out\.sys: cannot be written \(No such file or directory\)"):
        build_guest(routine, tmp_path / "absent" / "out.sys")


def test_unknown_options_list_the_known_ones(routine: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="optimize='9' is unknown; known are 0, 1, 2, 3, s, z"):
        build_guest(routine, optimize="9")
    with pytest.raises(ValueError, match="target='elf' is unknown; known are msvc, gnu"):
        build_guest(routine, target="elf")


def test_a_missing_compiler_says_what_to_install(routine: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_toolchain.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolchainMissing, match=r"pip install 'umaccess-emu\[toolchain\]'$"):
        build_guest(routine)


def test_only_the_standard_library_is_imported() -> None:
    code = "import sys, emu.toolchain; print(*(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) - set(sys.stdlib_module_names) - {"__main__"} == {"emu"}


ROOT = pathlib.Path(__file__).parents[2]
