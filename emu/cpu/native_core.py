# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds and declares the native core (native/core.h)."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

BUILT: Final = Path(__file__).parent.parent / "_built"


class NativeCoreError(RuntimeError):
    """The native core is missing or does not fit; the message says how to build it."""


class State(ctypes.Structure):
    """native/core.h, struct state."""

    _fields_ = (
        ("gpr", ctypes.c_uint64 * 16),
        ("rip", ctypes.c_uint64),
        ("rflags", ctypes.c_uint64),
        ("cr2", ctypes.c_uint64),
        ("cr3", ctypes.c_uint64),
        ("budget", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("timestamp_reads", ctypes.c_uint64),
        ("reason", ctypes.c_uint32),
        ("vector", ctypes.c_uint32),
        ("error_code", ctypes.c_uint32),
        ("engine_error", ctypes.c_uint32),
        ("request", ctypes.c_uint32),
        ("mxcsr", ctypes.c_uint32),
        ("irql", ctypes.c_uint32),
        ("paging_changed", ctypes.c_uint32),
        ("xmm", ctypes.c_uint8 * 256),
    )


class EngineFacts(ctypes.Structure):
    """native/core.h, struct engine_facts."""

    _fields_ = (
        ("register_ids", ctypes.c_int32 * 18),
        ("cr2_id", ctypes.c_int32),
        ("cr3_id", ctypes.c_int32),
        ("rax_id", ctypes.c_int32),
        ("rcx_id", ctypes.c_int32),
        ("rdx_id", ctypes.c_int32),
        ("cs_id", ctypes.c_int32),
        ("mxcsr_id", ctypes.c_int32),
        ("msr_id", ctypes.c_int32),
        ("hook_interrupt", ctypes.c_int32),
        ("hook_block", ctypes.c_int32),
        ("hook_code", ctypes.c_int32),
        ("hook_instruction", ctypes.c_int32),
        ("hook_invalid_instruction", ctypes.c_int32),
        ("hook_translated", ctypes.c_int32),
        ("hook_memory_read", ctypes.c_int32),
        ("hook_memory_write", ctypes.c_int32),
        ("flush_translations", ctypes.c_int32),
        ("timestamp_instructions", ctypes.c_int32 * 2),
        ("refused_instructions", ctypes.c_int32 * 4),
        ("has_rdrand", ctypes.c_int32),
        ("exception_in_flight", ctypes.c_uint32),
        ("error_code", ctypes.c_uint32),
        ("task_priority", ctypes.c_uint32),
        ("mxcsr", ctypes.c_uint32),
        ("xmm", ctypes.c_uint32),
        ("xmm_stride", ctypes.c_uint32),
        ("last_flags", ctypes.c_uint32),
    )


class Watchpoint(ctypes.Structure):
    """native/recorder.h, struct watchpoint."""

    _fields_ = (
        ("address", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("stop_at", ctypes.c_uint64),
        ("kinds", ctypes.c_uint32),
        ("hit", ctypes.c_uint32),
        ("before", ctypes.c_uint64),
    )


class Recording(ctypes.Structure):
    """native/recorder.h, struct recording."""

    _fields_ = (
        ("instructions", ctypes.c_void_p),
        ("accesses", ctypes.c_void_p),
        ("instruction_room", ctypes.c_uint64),
        ("access_room", ctypes.c_uint64),
        ("instruction_count", ctypes.c_uint64),
        ("access_count", ctypes.c_uint64),
        ("first_instruction", ctypes.c_uint64),
        ("first_access", ctypes.c_uint64),
        ("position", ctypes.c_uint64),
        ("stop_position", ctypes.c_uint64),
        ("end_rip", ctypes.c_uint64),
        ("end_blocks", ctypes.c_uint64),
        ("registers", ctypes.c_void_p),
        ("row_instructions", ctypes.c_void_p),
        ("row_count", ctypes.c_uint64),
        ("chosen", ctypes.c_void_p),
        ("chosen_count", ctypes.c_uint64),
        ("filtered", ctypes.c_uint32),
        ("active", ctypes.c_uint32),
        ("ranges", ctypes.c_void_p),
        ("range_count", ctypes.c_uint64),
        ("begin_at", ctypes.c_uint64),
        ("end_before", ctypes.c_uint64),
        ("user_only", ctypes.c_uint32),
        ("failed", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("watchpoints", ctypes.c_void_p),
        ("watchpoint_count", ctypes.c_uint64),
        ("watches", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
        ("last_flags", ctypes.c_uint64),
    )


class LeafTable(ctypes.Structure):
    """native/pages.c, struct leaf_table."""

    _fields_ = (("table", ctypes.c_uint32), ("first", ctypes.c_uint32), ("end", ctypes.c_uint32))


class Pages(ctypes.Structure):
    """native/pages.c, struct pages."""

    _fields_ = (
        ("ram", ctypes.c_void_p),
        ("baseline", ctypes.c_void_p),
        ("host_written", ctypes.c_void_p),
        ("executable", ctypes.c_void_p),
        ("frames", ctypes.c_uint64),
        ("used", ctypes.c_uint64),
        ("logged", ctypes.c_uint64),
        ("dirtied", ctypes.c_void_p),
        ("dirtied_room", ctypes.c_uint64),
        ("dirtied_count", ctypes.c_uint64),
    )


class KernelMemory(ctypes.Structure):
    """native/trap_records.h, struct kernel_memory."""

    _fields_ = (
        ("ram", ctypes.c_void_p),
        ("ram_size", ctypes.c_uint64),
        ("root", ctypes.c_uint64),
        ("host_written", ctypes.c_void_p),
        ("executable", ctypes.c_void_p),
        ("code_changed", ctypes.c_uint32),
        ("unused", ctypes.c_uint32),
    )


_MOST_FRAMES = 2 * 64


class TrapRecords(ctypes.Structure):
    """native/trap_records.h, struct trap_records."""

    _fields_ = (
        ("memory", KernelMemory),
        ("context_template", ctypes.c_char_p),
        ("stack_low", ctypes.c_uint64),
        ("stack_high", ctypes.c_uint64),
        ("entry_flags", ctypes.c_uint64),
        ("frame", ctypes.c_uint64),
        ("records", ctypes.c_uint64),
        ("returns_to", ctypes.c_uint64),
        ("fault_address", ctypes.c_uint64),
        ("rip", ctypes.c_uint64),
        ("parameters", ctypes.c_uint64 * 3),
        ("parameter_count", ctypes.c_uint32),
        ("code", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("error_code", ctypes.c_uint32),
        ("unknown_pc", ctypes.c_uint64),
        ("target_ip", ctypes.c_uint64),
        ("target_frame", ctypes.c_uint64),
        ("searched_count", ctypes.c_uint32),
        ("unwound_count", ctypes.c_uint32),
        ("passed", ctypes.c_uint64 * 3 * _MOST_FRAMES),
    )


_LAYOUTS: Final = {
    "core_layout": ctypes.sizeof(State) << 16 | ctypes.sizeof(EngineFacts),
    "pages_layout": ctypes.sizeof(Pages),
    "recording_layout": ctypes.sizeof(Recording),
    "trap_records_layout": ctypes.sizeof(TrapRecords),
}


(
    STOP_HALT,
    STOP_INTERRUPT,
    STOP_INVALID_INSTRUCTION,
    STOP_BUDGET,
    STOP_ENGINE_ERROR,
    STOP_REFUSED,
    STOP_UNREACHABLE,
    STOP_EXACT,
    STOP_RECORDER,
) = range(9)

REQUEST_WRITE_EXTENDED: Final = 1
REQUEST_FLUSH_TLB: Final = 2
REQUEST_FLUSH_CODE: Final = 4


def library_path() -> Path:
    """Return where the build hook puts the native core."""
    suffix = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
    return BUILT / f"emu_core{suffix}"


def check_layouts(library: ctypes.CDLL, layouts: Mapping[str, int]) -> None:
    """Compare structures with those of the library: name of the function that says its own → number expected.

    Raises `NativeCoreError`.
    """
    core = f"the native core {library_path().name}"
    for name, expected in layouts.items():
        function = getattr(library, name, None)
        if function is None:
            raise NativeCoreError(f"{core} is from another version; build it again: `make setup`")
        function.restype = ctypes.c_uint32
        if (layout := function()) != expected:
            raise NativeCoreError(
                f"{core} is from another version ({name} {layout:#x}, expected {expected:#x}); "
                "build it again with `make setup`"
            )


@functools.cache
def load_native_core() -> ctypes.CDLL:
    """Load the native core and declare the processor's functions. Raises `NativeCoreError`."""
    path = library_path()
    if not path.is_file():
        raise NativeCoreError(
            f"the native core {path.name} is not built; run `make setup` in a checkout, or install the wheel"
        )
    library = ctypes.CDLL(str(path))
    check_layouts(library, _LAYOUTS)
    library.core_create.restype = ctypes.c_void_p
    library.core_create.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64]
    for function in (library.core_destroy, library.core_run):
        function.restype = None
        function.argtypes = [ctypes.c_void_p]
    for function in (library.core_save, library.core_restore):
        function.restype = None
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.core_last_block.restype = ctypes.c_uint64
    library.core_last_block.argtypes = [ctypes.c_void_p]
    library.core_record.restype = ctypes.c_int
    library.core_record.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.core_long_blocks.restype = ctypes.c_uint32
    library.core_long_blocks.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    for function in (library.core_recorded_code, library.core_long_block_changes):
        function.restype = ctypes.c_uint32
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    for function in (library.core_set_long_blocks, library.core_note_long_blocks, library.core_forget_code):
        function.restype = None
    library.core_forget_code.argtypes = [ctypes.c_void_p]
    library.core_note_long_blocks.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.core_set_long_blocks.argtypes = [ctypes.c_void_p, *(ctypes.c_char_p, ctypes.c_uint32) * 2]
    library.core_stop_in.restype = ctypes.c_int
    library.core_stop_in.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_uint32]
    for function in (library.core_write_trap, library.core_dispatch_straight):
        function.restype = ctypes.c_uint32
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.core_keep_plan.restype = ctypes.c_uint32
    library.core_keep_plan.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32]
    library.core_forget_plans.restype = None
    library.core_forget_plans.argtypes = [ctypes.c_void_p]
    library.pages_checkpoint.restype = None
    library.pages_reset.restype = ctypes.c_uint32
    for function in (library.pages_checkpoint_all, library.pages_reset_all):
        function.restype = None
        function.argtypes = [ctypes.c_void_p]
    for function in (library.pages_checkpoint, library.pages_reset):
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    return library
