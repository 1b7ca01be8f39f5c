# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens the engine: CPU model, RAM, control registers, descriptor tables, ready at CPL 0 in long mode."""

from __future__ import annotations

import ctypes
import weakref
from typing import Final

from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn import __version__ as unicorn_version
from unicorn.unicorn_py3.unicorn import Uc, uclib

from emu.cpu import registers as r
from emu.profile import Profile

ENGINE_MODELS: Final = {
    "nehalem": x86.UC_CPU_X86_NEHALEM,
    "westmere": x86.UC_CPU_X86_WESTMERE,
    "sandybridge": x86.UC_CPU_X86_SANDYBRIDGE,
    "ivybridge": x86.UC_CPU_X86_IVYBRIDGE,
    "haswell": x86.UC_CPU_X86_HASWELL,
    "broadwell": x86.UC_CPU_X86_BROADWELL,
    "skylake-server": x86.UC_CPU_X86_SKYLAKE_SERVER,
    "cascadelake-server": x86.UC_CPU_X86_CASCADELAKE_SERVER,
    "icelake-server": x86.UC_CPU_X86_ICELAKE_SERVER,
    "epyc": x86.UC_CPU_X86_EPYC,
    "epyc-rome": x86.UC_CPU_X86_EPYC_ROME,
}

GDT_ENTRIES: Final = (0, 0, 0x0020_9B00_0000_0000, 0x0000_9300_0000_0000)
"""Null, unused, 0x10 = 64-bit code at CPL 0, 0x18 = data: the selectors of the x64 Windows kernel."""

ENGINE_FUNCTIONS: Final = (
    "uc_emu_start",
    "uc_emu_stop",
    "uc_reg_read_batch",
    "uc_reg_write_batch",
    "uc_reg_read",
    "uc_reg_write",
    "uc_context_save",
    "uc_context_restore",
    "uc_hook_add",
    "uc_ctl",
    "uc_hook_del",
)
"""In the order of struct engine in native/core.h."""

REGISTER_IDS: Final = (
    x86.UC_X86_REG_RAX, x86.UC_X86_REG_RCX, x86.UC_X86_REG_RDX, x86.UC_X86_REG_RBX,
    x86.UC_X86_REG_RSP, x86.UC_X86_REG_RBP, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RDI,
    x86.UC_X86_REG_R8, x86.UC_X86_REG_R9, x86.UC_X86_REG_R10, x86.UC_X86_REG_R11,
    x86.UC_X86_REG_R12, x86.UC_X86_REG_R13, x86.UC_X86_REG_R14, x86.UC_X86_REG_R15,
    x86.UC_X86_REG_RIP, x86.UC_X86_REG_EFLAGS,
)  # fmt: skip


class EngineError(RuntimeError):
    """The engine cannot be used; the message names its version and ours."""


def engine_version() -> str:
    """Return the version of the engine, as in "2.1.4"."""
    return str(unicorn_version)


def open_engine(profile: Profile, ram_address: int, ram_size: int) -> Uc:
    """Open an engine of the profile's CPU model over host memory of ours, mapped at guest-physical 0."""
    engine = Uc(uc.UC_ARCH_X86, uc.UC_MODE_64)
    engine.ctl_set_cpu_model(ENGINE_MODELS[profile.cpu])
    engine.mem_map_ptr(0, ram_size, uc.UC_PROT_ALL, ram_address)
    return engine


def control_register_4(profile: Profile) -> int:
    """Return CR4 as the kernel sets it: SMEP and SMAP where the CPU has them."""
    value = r.CR4_PAE | r.CR4_OSFXSR | r.CR4_OSXMMEXCPT
    if profile.model.smep:  # the same generation brought FSGSBASE (Ivy Bridge; AMD with Zen)
        value |= r.CR4_SMEP | r.CR4_FSGSBASE
    if profile.smap_enabled:
        value |= r.CR4_SMAP
    return value


def enter_long_mode(engine: Uc, profile: Profile, root: int, gdt: int) -> None:
    """Set the control registers for paging from the table at `root`, and CS and SS from the GDT at `gdt`.

    `gdt` is a guest-virtual address that the tables already map and that holds `GDT_ENTRIES`.
    """
    engine.reg_write(x86.UC_X86_REG_CR3, root)
    engine.reg_write(x86.UC_X86_REG_CR4, control_register_4(profile))
    engine.reg_write(x86.UC_X86_REG_MSR, (r.MSR_EFER, r.EFER_KERNEL))
    engine.reg_write(x86.UC_X86_REG_CR0, r.CR0_KERNEL)
    engine.reg_write(x86.UC_X86_REG_GDTR, (0, gdt, len(GDT_ENTRIES) * 8 - 1, 0))
    engine.reg_write(x86.UC_X86_REG_CS, r.KERNEL_CODE_SELECTOR)
    engine.reg_write(x86.UC_X86_REG_SS, r.KERNEL_STACK_SELECTOR)
    engine.reg_write(x86.UC_X86_REG_MXCSR, r.MXCSR_DEFAULT)


def function_table() -> ctypes.Array[ctypes.c_void_p]:
    """Return the engine's functions as the native core wants them."""
    addresses = [ctypes.cast(getattr(uclib, name), ctypes.c_void_p).value for name in ENGINE_FUNCTIONS]
    return (ctypes.c_void_p * len(addresses))(*addresses)


class SavedContext:
    """The engine's saved copy of its whole CPU state, as bytes that can be read and patched."""

    def __init__(self, engine: Uc) -> None:
        self._engine = engine
        self._pointer = ctypes.c_void_p()
        self.size: int = uclib.uc_context_size(engine._uch)
        if uclib.uc_context_alloc(engine._uch, ctypes.byref(self._pointer)):
            raise MemoryError(f"no memory for an engine context of {self.size} bytes")
        weakref.finalize(self, uclib.uc_context_free, self._pointer)

    @property
    def pointer(self) -> int:
        """Where the context lies in host memory."""
        assert self._pointer.value is not None
        return self._pointer.value

    def save(self) -> bytes:
        """Copy the CPU state out of the engine and return it."""
        uclib.uc_context_save(self._engine._uch, self._pointer)
        return ctypes.string_at(self.pointer, self.size)

    def patch(self, offset: int, value: bytes) -> None:
        """Overwrite bytes of the saved copy."""
        ctypes.memmove(self.pointer + offset, value, len(value))

    def restore(self) -> None:
        """Put the saved copy back into the engine. The TLB is not flushed."""
        uclib.uc_context_restore(self._engine._uch, self._pointer)
