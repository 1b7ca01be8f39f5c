# SPDX-License-Identifier: GPL-2.0-or-later
"""UNWIND_INFO bytes to decoded codes: literal, round trip, malformed, and compiler output."""

import struct
import subprocess
import sys
from pathlib import Path

import pefile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image.function_table import RuntimeFunction
from emu.nt.status import NtStatus
from emu.nt.unwind import UnwindOp
from emu.seh.unwind_info import (
    UnwindCode,
    UnwindError,
    UnwindInfo,
    decode_unwind_info,
    read_runtime_function,
    resolve_chain,
)
from tests.seh.unwind_images import (
    allocate,
    encode_unwind_info,
    machine_frame,
    push,
    save,
    save_xmm,
    set_frame,
)


def decode(data: bytes) -> UnwindInfo:
    return decode_unwind_info(lambda rva, size: data[rva : rva + size], 0)


@pytest.mark.parametrize(
    ("slots", "code"),
    [
        ("01 30", UnwindCode(1, UnwindOp.PUSH_NONVOL, 3, 0)),
        ("02 f0", UnwindCode(2, UnwindOp.PUSH_NONVOL, 15, 0)),
        ("07 01 00 02", UnwindCode(7, UnwindOp.ALLOC_LARGE, 0, 0x1000)),
        ("07 01 ff ff", UnwindCode(7, UnwindOp.ALLOC_LARGE, 0, 0x7FFF8)),
        ("07 11 00 00 08 00", UnwindCode(7, UnwindOp.ALLOC_LARGE, 1, 0x80000)),
        ("04 02", UnwindCode(4, UnwindOp.ALLOC_SMALL, 0, 8)),
        ("04 f2", UnwindCode(4, UnwindOp.ALLOC_SMALL, 15, 128)),
        ("09 03", UnwindCode(9, UnwindOp.SET_FPREG, 0, 0)),
        ("05 64 0a 00", UnwindCode(5, UnwindOp.SAVE_NONVOL, 6, 0x50)),
        ("05 65 03 00 10 00", UnwindCode(5, UnwindOp.SAVE_NONVOL_FAR, 6, 0x100003)),
        ("05 68 0a 00", UnwindCode(5, UnwindOp.SAVE_XMM128, 6, 0xA0)),
        ("05 f9 03 00 10 00", UnwindCode(5, UnwindOp.SAVE_XMM128_FAR, 15, 0x100003)),
        ("00 0a", UnwindCode(0, UnwindOp.PUSH_MACHFRAME, 0, 0)),
        ("00 1a", UnwindCode(0, UnwindOp.PUSH_MACHFRAME, 1, 0)),
    ],
)
def test_each_operation(slots: str, code: UnwindCode) -> None:
    data = bytes.fromhex(slots)
    info = decode(bytes([1, 9, len(data) // 2, 0]) + data)
    assert info.codes == (code,)
    assert info.count_of_codes == len(data) // 2
    assert info.size_of_prolog == 9


def test_the_obsolete_xmm_save_of_version_1_is_passed_over() -> None:
    assert decode(bytes.fromhex("01 09 03 00 05 66 ff ff 01 30")).codes == (push(1, 3),)


def test_frame_register_and_offset() -> None:
    info = decode(bytes.fromhex("01 09 01 f5 09 03"))
    assert (info.frame_register, info.frame_offset) == (5, 0xF0)


@pytest.mark.parametrize("flags", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_handler_stands_after_an_even_number_of_slots(flags: int, count: int) -> None:
    codes = [push(1, 3)] * count
    info = decode(encode_unwind_info(codes, flags=flags, tail=struct.pack("<II", 0x1234, 9)))
    assert info.handler_rva == 0x1234
    assert info.handler_data_rva == 4 + 2 * (count + count % 2) + 4
    assert info.chained is None


def test_chained_entry() -> None:
    info = decode(encode_unwind_info([push(1, 3)], flags=4, tail=struct.pack("<III", 1, 2, 4)))
    assert info.chained == RuntimeFunction(1, 2, 4)
    assert info.handler_rva is None


@pytest.mark.parametrize(
    ("slots", "size", "epilogs"),
    [
        ("05 16", 5, (5,)),
        ("05 16 00 06", 5, (5,)),
        ("05 06 0f 06", 5, (15,)),
        ("05 16 0f 06 00 16 00 06", 5, (5, 15, 0x100)),
    ],
)
def test_version_2_epilogues(slots: str, size: int, epilogs: tuple[int, ...]) -> None:
    codes = [allocate(8, 0x40), push(1, 3)]
    info = decode(encode_unwind_info(codes, version=2, epilog_slots=bytes.fromhex(slots)))
    assert (info.epilog_size, info.epilogs) == (size, epilogs)
    assert info.codes == tuple(codes)


def test_version_2_epilogue_code_after_others_is_ignored() -> None:
    info = decode(bytes.fromhex("02 09 03 00 04 02 00 06 01 30"))
    assert info.codes == (allocate(4, 8), push(1, 3))
    assert info.epilogs == ()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("03 00 00 00", r"version 3 \(APX preview\) is not supported"),
        ("00 00 00 00", "version 0 is unknown"),
        ("07 00 00 00", "version 7 is unknown"),
        ("29 00 00 00" + "00" * 12, "flags 0x5 have both a handler and a chained entry"),
        ("01 00 01 00 01 0b", "operation 11 is unknown"),
        ("01 00 03 00 01 07 00 00 00 00", "operation 7 is unknown or obsolete"),
        ("01 00 01 00 01 01", "ALLOC_LARGE in slot 0 needs 2 slots of 1"),
        ("01 00 02 00 01 11 00 00", "ALLOC_LARGE in slot 0 needs 3 slots of 2"),
        ("01 00 02 00 01 30 01 34", "SAVE_NONVOL in slot 1 needs 2 slots of 2"),
        ("01 00 01 00 01 36", "EPILOG in slot 0 needs 2 slots of 1"),
        ("01 00 02", "unwind info at rva 0x0: only 3 of 4 bytes"),
        ("01 00 02 00 01", "unwind codes at rva 0x4: only 1 of 4 bytes"),
        ("09 00 00 00 01", "handler at rva 0x4: only 1 of 4 bytes"),
        ("21 00 00 00 01", "function entry at rva 0x4: only 1 of 12 bytes"),
    ],
)
def test_malformed(data: str, message: str) -> None:
    with pytest.raises(UnwindError, match=message):
        decode(bytes.fromhex(data))


def test_the_error_is_a_bad_function_table() -> None:
    assert UnwindError.status is NtStatus.BAD_FUNCTION_TABLE
    assert issubclass(UnwindError, ValueError)


def test_bytes_outside_the_image() -> None:
    def read(rva: int, size: int) -> bytes:
        raise IndexError("no such page")

    with pytest.raises(UnwindError, match=r"rva 0x99: outside the image \(no such page\)"):
        decode_unwind_info(read, 0x99)


def chain_of(length: int) -> bytes:
    """Return `length` infos of 16 bytes, each chained to the next, the last one to none."""
    links = b"".join(
        encode_unwind_info(flags=4, tail=struct.pack("<III", n, n + 1, 16 * (n + 1))) for n in range(length - 1)
    )
    return links + encode_unwind_info([push(1, 3), push(0, 5)])


def test_chain_limit() -> None:
    def resolve(data: bytes) -> int:
        entry = RuntimeFunction(0, 1, 0)
        return len(resolve_chain(lambda rva, size: data[rva : rva + size], entry).infos)

    assert resolve(chain_of(1)) == 1
    assert resolve(chain_of(33)) == 33
    with pytest.raises(UnwindError, match="more than 32 chained"):
        resolve(chain_of(34))
    endless = encode_unwind_info(flags=4, tail=struct.pack("<III", 0, 1, 0))
    with pytest.raises(UnwindError, match="more than 32 chained"):
        resolve(endless)


def test_chain_ends_in_the_primary_function() -> None:
    data = chain_of(3)
    chain = resolve_chain(lambda rva, size: data[rva : rva + size], RuntimeFunction(0x50, 0x60, 0))
    assert chain.entry == (0x50, 0x60, 0)
    assert chain.primary == (1, 2, 32)
    assert chain.primary_info.codes == (push(1, 3), push(0, 5))
    assert chain.info.codes == ()


def test_indirect_function_entry() -> None:
    data = struct.pack("<III", 1, 2, 12 | 1) + struct.pack("<III", 3, 4, 24)
    assert read_runtime_function(lambda rva, size: data[rva : rva + size], 0) == (3, 4, 24)
    twice = struct.pack("<III", 1, 2, 12 | 1) + struct.pack("<III", 3, 4, 25)
    with pytest.raises(UnwindError, match="indirect a second time"):
        read_runtime_function(lambda rva, size: twice[rva : rva + size], 0)


offsets = st.integers(0, 255)
registers = st.integers(0, 15)
any_code = st.one_of(
    st.builds(push, offsets, registers),
    st.builds(lambda o, n: allocate(o, 8 * n), offsets, st.integers(1, 0x1FFF_FFFF)),
    st.builds(set_frame, offsets),
    st.builds(lambda o, r, n: save(o, r, 8 * n), offsets, registers, st.integers(0, 0xFFFF)),
    st.builds(save, offsets, registers, st.integers(0, 0xFFFF_FFFF), st.just(True)),
    st.builds(lambda o, r, n: save_xmm(o, r, 16 * n), offsets, registers, st.integers(0, 0xFFFF)),
    st.builds(save_xmm, offsets, registers, st.integers(0, 0xFFFF_FFFF), st.just(True)),
    st.builds(machine_frame, offsets, st.booleans()),
)


@given(
    st.lists(any_code, max_size=40),
    st.sampled_from([1, 2]),
    st.integers(0, 3),
    offsets,
    registers,
    registers,
)
def test_round_trip(codes: list[UnwindCode], version: int, flags: int, prolog: int, register: int, scaled: int) -> None:
    data = encode_unwind_info(
        codes,
        version=version,
        flags=flags,
        prolog=prolog,
        frame_register=register,
        frame_offset=scaled * 16,
        tail=struct.pack("<I", 0x5678) if flags else b"",
    )
    info = decode(data)
    assert info.codes == tuple(codes)
    assert (info.version, info.flags, info.size_of_prolog) == (version, flags, prolog)
    assert (info.frame_register, info.frame_offset) == (register, scaled * 16)
    assert info.handler_rva == (0x5678 if flags else None)
    assert info.handler_data_rva == (len(data) if flags else None)


@given(st.binary(max_size=200), st.integers(0, 40))
def test_random_bytes_give_an_info_or_an_unwind_error(data: bytes, rva: int) -> None:
    try:
        chain = resolve_chain(lambda at, size: data[at : at + size], RuntimeFunction(0, 64, rva))
    except UnwindError:
        return
    assert 1 <= len(chain.infos) <= 33


SOURCE = """
void sink(void *where, double what);
__declspec(dllexport) int large(int n) {
    char buffer[500]; double volatile d = n; sink(buffer, d); return buffer[n]; }
__declspec(dllexport) double dynamic(int n, double x, double y) {
    char *b = __builtin_alloca(n); sink(b, x); sink(b, y); sink(b + n, x * y);
    return b[n] + x - y; }
int DriverEntry(void) { return 0; }
int _fltused; void __chkstk(void) {}
"""

VERSION_2_SOURCE = """
.intel_syntax noprefix
.text
.def sink; .scl 2; .type 32; .endef
.seh_proc sink
.globl sink
sink:
.seh_unwindversion 2
push rbx
.seh_pushreg rbx
push r12
.seh_pushreg r12
sub rsp, 0x48
.seh_stackalloc 0x48
.seh_endprologue
test ecx, ecx
jz 1f
.seh_startepilogue
add rsp, 0x48
.seh_unwindv2start
pop r12
pop rbx
.seh_endepilogue
ret
1: nop
.seh_startepilogue
add rsp, 0x48
.seh_unwindv2start
pop r12
pop rbx
.seh_endepilogue
ret
.seh_endproc
"""


def zig_cc(*arguments: str, cwd: Path) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-msvc", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> pefile.PE:
    directory = tmp_path_factory.mktemp("compiled")
    (directory / "functions.c").write_text(SOURCE)
    (directory / "version2.S").write_text(VERSION_2_SOURCE)
    options = ["-ffreestanding", "-O2", "-fno-stack-protector", "-nostdinc", "-c"]
    zig_cc(*options, "functions.c", "-o", "functions.obj", cwd=directory)
    zig_cc("-c", "version2.S", "-o", "version2.obj", cwd=directory)
    link = ["-nostdlib", "-Wl,--subsystem,native", "-Wl,-e,DriverEntry", "-s", "-Wl,/Brepro"]
    zig_cc(*link, "-o", "x.sys", "functions.obj", "version2.obj", cwd=directory)
    return pefile.PE(str(directory / "x.sys"))


def pefile_operand(code: pefile.PrologEpilogOp) -> int:
    if isinstance(code, pefile.PrologEpilogOpAllocLarge | pefile.PrologEpilogOpAllocSmall):
        return int(code.get_alloc_size())
    if hasattr(code, "get_offset"):
        return int(code.get_offset())
    return 0


def pefile_register(code: pefile.PrologEpilogOp) -> int | None:
    return getattr(code.struct, "Reg", None)


def test_compiled_functions_decode_as_pefile_decodes_them(compiled: pefile.PE) -> None:
    seen = set()
    for function in compiled.DIRECTORY_ENTRY_EXCEPTION:
        oracle = function.unwindinfo
        info = decode_unwind_info(compiled.get_data, function.struct.UnwindData)
        assert info.version == oracle.Version
        assert info.flags == oracle.Flags
        assert info.size_of_prolog == oracle.SizeOfProlog
        assert info.frame_register == oracle.FrameRegister
        assert info.frame_offset == oracle.FrameOffset * 16
        expected = [code for code in oracle.UnwindCodes if code.struct.UnwindOp != UnwindOp.EPILOG]
        assert len(info.codes) == len(expected)
        for code, other in zip(info.codes, expected, strict=True):
            assert (code.offset, code.op) == (other.struct.CodeOffset, other.struct.UnwindOp)
            assert code.operand == pefile_operand(other)
            assert pefile_register(other) in (None, code.info)
            seen.add(code.op)
        marks = [code for code in oracle.UnwindCodes if code.struct.UnwindOp == UnwindOp.EPILOG]
        assert info.epilogs == tuple(code.get_offset() for code in marks if code.is_valid())
        seen |= {UnwindOp.EPILOG} if marks else set()
    assert seen >= {
        UnwindOp.PUSH_NONVOL,
        UnwindOp.ALLOC_SMALL,
        UnwindOp.ALLOC_LARGE,
        UnwindOp.SET_FPREG,
        UnwindOp.SAVE_XMM128,
        UnwindOp.EPILOG,
    }
