# SPDX-License-Identifier: GPL-2.0-or-later
"""Declares the native core's passes over the tables of a call (emu/checks/native)."""

from __future__ import annotations

import ctypes
import functools
from typing import Final

import numpy as np

from emu.cpu.native_core import check_layouts, load_native_core

ACTIVATION: Final = np.dtype(
    {
        "names": ["begin", "end", "parent", "call_site", "entry", "return_address", "slot", "by", "returned"],
        "formats": ["<i8", "<i8", "<i8", "<i8", "<u8", "<u8", "<u8", "u1", "u1"],
        "itemsize": 64,
    }
)
"""native/call_tables.h, struct activation."""


class CallTables(ctypes.Structure):
    """native/call_tables.h, struct call_tables."""

    _fields_ = (
        ("instructions", ctypes.c_void_p),
        ("accesses", ctypes.c_void_p),
        ("instruction_count", ctypes.c_uint64),
        ("access_count", ctypes.c_uint64),
        ("first_instruction", ctypes.c_uint64),
        ("kinds", ctypes.c_void_p),
        ("activations", ctypes.c_void_p),
        ("activation_count", ctypes.c_uint64),
        ("owner", ctypes.c_void_p),
    )


class TreeTables(ctypes.Structure):
    """native/call_tree.c, struct call_tree."""

    _fields_ = (
        ("steps", ctypes.c_void_p),
        ("step_count", ctypes.c_uint64),
        ("steps_taken", ctypes.c_uint64),
        ("instructions", ctypes.c_void_p),
        ("first", ctypes.c_uint64),
        ("count", ctypes.c_uint64),
        ("is_entry", ctypes.c_void_p),
        ("activations", ctypes.c_void_p),
        ("room", ctypes.c_uint64),
        ("activation_count", ctypes.c_uint64),
        ("owner", ctypes.c_void_p),
        ("owned", ctypes.c_uint64),
        ("top", ctypes.c_int64),
    )


class FlagTables(ctypes.Structure):
    """native/flag_changes.c, struct flag_changes."""

    _fields_ = (
        ("call", ctypes.c_void_p),
        ("marked", ctypes.c_void_p),
        ("marked_kinds", ctypes.c_void_p),
        ("marked_count", ctypes.c_uint64),
        ("run_begins", ctypes.c_void_p),
        ("run_flags", ctypes.c_void_p),
        ("run_count", ctypes.c_uint64),
        ("flag", ctypes.c_uint64),
        ("sets", ctypes.c_int64),
        ("clears", ctypes.c_int64),
        ("loads", ctypes.c_int64),
        ("calls", ctypes.c_int64),
        ("edges", ctypes.c_void_p),
        ("changes", ctypes.c_void_p),
        ("edge_count", ctypes.c_uint64),
        ("change_count", ctypes.c_uint64),
        ("first", ctypes.c_uint64),
        ("touched", ctypes.c_void_p),
        ("suspects", ctypes.c_void_p),
        ("suspect_count", ctypes.c_uint64),
    )


@functools.cache
def load_passes() -> ctypes.CDLL:
    """Load the native core and declare the passes. Raises `NativeCoreError`."""
    library = load_native_core()
    check_layouts(
        library,
        {
            "checks_tables_layout": ctypes.sizeof(CallTables) << 8 | ACTIVATION.itemsize,
            "checks_tree_layout": ctypes.sizeof(TreeTables),
            "checks_flags_layout": ctypes.sizeof(FlagTables),
        },
    )
    library.checks_call_tree.restype = ctypes.c_uint32
    library.checks_call_tree.argtypes = [ctypes.c_void_p]
    library.checks_call_frames.restype = None
    library.checks_call_frames.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.checks_kernel_addresses_read.restype = ctypes.c_uint64
    library.checks_kernel_addresses_read.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64]
    library.checks_register_suspects.restype = ctypes.c_uint64
    library.checks_register_suspects.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p),
        *(ctypes.c_void_p, ctypes.c_uint64) * 2,
        ctypes.c_void_p,
    ]
    library.checks_running_accessors.restype = None
    library.checks_running_accessors.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p]
    library.checks_accessor_ranges.restype = ctypes.c_uint32
    library.checks_accessor_ranges.argtypes = [ctypes.c_void_p] * 4 + [
        *(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p),
    ]
    library.checks_accesses_beside.restype = ctypes.c_uint64
    library.checks_accesses_beside.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p),
    ]
    library.checks_kinds_that_ran.restype = ctypes.c_uint64
    library.checks_kinds_that_ran.argtypes = [
        *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_int64),
        *(ctypes.c_void_p,) * 3,
    ]
    library.checks_touched_twice.restype = library.checks_user_accesses_outside.restype = ctypes.c_uint64
    library.checks_touched_twice.argtypes = [ctypes.c_void_p] * 4
    library.checks_user_accesses_outside.argtypes = [ctypes.c_void_p] * 3
    library.checks_pool_accesses.restype = ctypes.c_uint64
    library.checks_pool_accesses.argtypes = [ctypes.c_void_p, *(ctypes.c_void_p, ctypes.c_uint64) * 2]
    library.checks_flag_changes.restype = None
    library.checks_flag_changes.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.checks_stack_suspects.restype = ctypes.c_uint64
    library.checks_stack_suspects.argtypes = [ctypes.c_void_p, *(ctypes.c_void_p, ctypes.c_uint64) * 2]
    return library
