# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds, in the engine's saved context, the fields that its register interface does not give.

The context is a copy of the engine's CPU structure, whose layout is nobody's promise. So each field is
found by what provoked values leave in it, once a process, and an engine where that does not come out is
refused.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import struct
from collections.abc import Iterable
from typing import Final, NamedTuple

from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import Uc, UcError

from emu.cpu import registers as r
from emu.cpu.engine import (
    GDT_ENTRIES,
    EngineError,
    SavedContext,
    control_register_4,
    engine_version,
    enter_long_mode,
    open_engine,
)
from emu.profile import Profile

CALIBRATED_WITH: Final = "2.1.4"
"""The engine version that this code was written against; any other is tried, and refused if it differs."""

IDLE: Final = 0xFFFF_FFFF
HFLAGS_OSFXSR: Final = 1 << 22
HFLAGS2_VIRTUAL_INTERRUPTS: Final = 1 << 3
"""With this bit, the engine's `mov r, cr8` reads the field that `mov cr8, r` wrote."""

_NX: Final = 1 << 63
_ROOT, _CODE, _DATA, _READ_ONLY, _ABSENT = 0x1000, 0x10000, 0x11000, 0x12000, 0x13000
_NOWHERE: Final = _CODE + 0xF00


class ContextOffsets(NamedTuple):
    """Byte offsets into a saved context."""

    exception_in_flight: int
    error_code: int
    task_priority: int
    mxcsr: int
    xmm: int
    xmm_stride: int
    hflags2: int
    last_flags: int
    """Arithmetic flags, or what they are computed of."""


class _Scratch:
    """A small engine with one code page, one data page, one read-only page and one absent page."""

    def __init__(self) -> None:
        self.profile = Profile()
        size = 0x20000
        self.ram = mmap.mmap(-1, size)
        self._anchor = ctypes.c_char.from_buffer(self.ram)
        self.engine = open_engine(self.profile, ctypes.addressof(self._anchor), size)
        for table, entry in ((0x1000, 0x2003), (0x2000, 0x3003), (0x3000, 0x4003)):
            struct.pack_into("<Q", self.ram, table, entry)
        for page, flags in ((_CODE, 3), (_DATA, 3 | _NX), (_READ_ONLY, 1 | _NX)):
            struct.pack_into("<Q", self.ram, 0x4000 + (page >> 12) * 8, page | flags)
        struct.pack_into("<4Q", self.ram, _DATA, *GDT_ENTRIES)
        enter_long_mode(self.engine, self.profile, _ROOT, _DATA)
        self.context = SavedContext(self.engine)
        self.vector = -1
        self.engine.hook_add(uc.UC_HOOK_INTR, self._on_interrupt)
        self._next_code = _CODE

    def _on_interrupt(self, engine: Uc, vector: int, _: object) -> None:
        self.vector = vector
        engine.emu_stop()

    def run(self, code: str, **values: int) -> bytes:
        """Run hexadecimal code, never twice at one place, and return the context it leaves."""
        start, blob = self._next_code, bytes.fromhex(code)
        self.ram[start : start + len(blob)] = blob
        self._next_code += len(blob)
        for name, value in values.items():
            self.engine.reg_write(getattr(x86, f"UC_X86_REG_{name.upper()}"), value)
        self.engine.emu_start(start, _NOWHERE)
        return self.context.save()

    def close(self) -> None:
        # The hook's callback is a method of ours, so that the engine and this object hold each other.
        del self.context, self.engine, self._anchor


def _words(context: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(context) // 4}I", context[: len(context) // 4 * 4])


def _offsets_where(contexts: Iterable[bytes], values: Iterable[int]) -> list[int]:
    """Return the offsets of the doublewords that hold the given values, one after the other."""
    sequences = zip(*(_words(context) for context in contexts), strict=True)
    wanted = tuple(values)
    return [index * 4 for index, sequence in enumerate(sequences) if sequence == wanted]


def _only(what: str, offsets: list[int]) -> int:
    if len(offsets) != 1:
        raise EngineError(
            f"unicorn {engine_version()} does not keep its {what} where this version of umaccess-emu can find it "
            f"({len(offsets)} candidates; made for unicorn {CALIBRATED_WITH}); install unicorn {CALIBRATED_WITH}"
        )
    return offsets[0]


def _find_faults(scratch: _Scratch) -> tuple[int, int]:
    """Find the exception in flight and the error code, from page faults with error codes 0, 2 and 3."""
    contexts = [scratch.context.save()]
    in_flight: list[int] = []
    for code, address in (("8a07", _ABSENT), ("8807", _ABSENT), ("8807", _READ_ONLY)):
        contexts.append(scratch.run(code, rdi=address))
        in_flight = in_flight or _offsets_where(contexts, (IDLE, 14))
        for offset in in_flight:
            scratch.context.patch(offset, struct.pack("<I", IDLE))
        scratch.context.restore()
    contexts.append(scratch.run("31c9f7f1"))  # xor ecx, ecx; div ecx
    exception = _only("exception in flight", _offsets_where(contexts, (IDLE, 14, 14, 14, 0)))
    scratch.context.patch(exception, struct.pack("<I", IDLE))
    scratch.context.restore()
    return exception, _only("error code", _offsets_where(contexts[1:4], (0, 2, 3)))


def _find_hflags2(scratch: _Scratch) -> int:
    """Find the word after the engine's cached CR4.OSFXSR."""
    cr4 = control_register_4(scratch.profile)
    before = _words(scratch.context.save())
    scratch.engine.reg_write(x86.UC_X86_REG_CR4, cr4 & ~r.CR4_OSFXSR)
    after = _words(scratch.context.save())
    scratch.engine.reg_write(x86.UC_X86_REG_CR4, cr4)
    cached = [i * 4 for i, (a, b) in enumerate(zip(before, after, strict=True)) if a ^ b == HFLAGS_OSFXSR]
    return _only("cached CPU modes", cached) + 4


def _find_task_priority(scratch: _Scratch, hflags2: int) -> int:
    """Find CR8, and prove that the guest reads back what it wrote."""
    context = scratch.context.save()
    flags = struct.unpack_from("<I", context, hflags2)[0] | HFLAGS2_VIRTUAL_INTERRUPTS
    scratch.context.patch(hflags2, struct.pack("<I", flags))
    scratch.context.restore()
    contexts = [scratch.run("440f22c031c0f4", rax=priority) for priority in (0xA, 5, 0xC)]  # mov cr8, rax; xor eax, eax
    columns = enumerate(zip(*contexts, strict=True))
    offset = _only("task priority", [i for i, column in columns if column == (0xA, 5, 0xC)])
    scratch.run("440f20c3f4")  # mov rbx, cr8
    if scratch.engine.reg_read(x86.UC_X86_REG_RBX) != 0xC:
        _only("task priority for the guest to read", [])
    return offset


def _find_mxcsr(scratch: _Scratch) -> int:
    contexts = []
    for value in (r.MXCSR_DEFAULT, 0x9FC0, r.MXCSR_DEFAULT):
        scratch.engine.reg_write(x86.UC_X86_REG_MXCSR, value)
        contexts.append(scratch.context.save())
    return _only("MXCSR", _offsets_where(contexts, (r.MXCSR_DEFAULT, 0x9FC0, r.MXCSR_DEFAULT)))


def _find_last_flags(scratch: _Scratch) -> int:
    contexts, values = [], (r.FLAGS_ARITHMETIC, 0, 0x11)
    for value in values:
        scratch.engine.reg_write(x86.UC_X86_REG_EFLAGS, value | 2)
        contexts.append(scratch.context.save())
    return _only("arithmetic flags", _offsets_where(contexts, values))


def _find_xmm(scratch: _Scratch) -> tuple[int, int]:
    """Find XMM0 and the distance from one XMM register to the next."""
    patterns = [struct.pack("<QQ", 0xA5C3_0F1E_0000_0000 + i, 0x5A3C_F0E1_0000_0000 + i) for i in range(16)]
    for i, pattern in enumerate(patterns):
        scratch.engine.reg_write(x86.UC_X86_REG_XMM0 + i, int.from_bytes(pattern, "little"))
    context = scratch.context.save()
    found = [context.find(pattern) for pattern in patterns]
    stride = found[1] - found[0]
    regular = found[0] >= 0 and found == [found[0] + i * stride for i in range(16)]
    return _only("XMM registers", [found[0]] if regular else []), stride


@functools.cache
def calibrate() -> ContextOffsets:
    """Find every field, or raise `EngineError` naming the engine's version and ours."""
    scratch = _Scratch()
    try:
        exception_in_flight, error_code = _find_faults(scratch)
        hflags2 = _find_hflags2(scratch)
        xmm, stride = _find_xmm(scratch)
        return ContextOffsets(
            exception_in_flight=exception_in_flight,
            error_code=error_code,
            task_priority=_find_task_priority(scratch, hflags2),
            mxcsr=_find_mxcsr(scratch),
            xmm=xmm,
            xmm_stride=stride,
            hflags2=hflags2,
            last_flags=_find_last_flags(scratch),
        )
    except UcError as error:
        raise EngineError(
            f"unicorn {engine_version()} cannot be calibrated (made for unicorn {CALIBRATED_WITH}): {error}; "
            f"install unicorn {CALIBRATED_WITH}"
        ) from error
    finally:
        scratch.close()
