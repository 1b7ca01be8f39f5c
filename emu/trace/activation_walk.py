# SPDX-License-Identifier: GPL-2.0-or-later
"""Declares the native core's way through a trace (native/activations.c)."""

from __future__ import annotations

import ctypes
import functools
from typing import ClassVar, Final

import numpy as np

from emu.cpu.native_core import check_layouts, load_native_core

STEP: Final = np.dtype([("at", "<u8"), ("number", "<u8"), ("kind", "<u4"), ("by", "<u4")])
"""native/activations.h, struct step."""
BEGAN, ENDED, HAPPENED = range(3)

OPEN_SIZE: Final = 16
"""Bytes of native/activations.c, struct open_activation."""
DONE, IS_FULL, ASKS = range(3)


class ActivationWalk(ctypes.Structure):
    """native/activations.c, struct activation_walk."""

    NO_EVENT: ClassVar[int] = 0xFF

    _fields_ = (
        ("open", ctypes.c_void_p),
        ("open_count", ctypes.c_uint64),
        ("deepest", ctypes.c_uint64),
        ("instructions", ctypes.c_void_p),
        ("instruction_count", ctypes.c_uint64),
        ("first", ctypes.c_uint64),
        ("events", ctypes.c_void_p),
        ("event_count", ctypes.c_uint64),
        ("first_event", ctypes.c_uint64),
        ("flows", ctypes.c_char_p),
        ("flow_count", ctypes.c_uint64),
        ("call_ends", ctypes.c_void_p),
        ("call_count", ctypes.c_uint64),
        ("steps", ctypes.c_void_p),
        ("step_room", ctypes.c_uint64),
        ("step_count", ctypes.c_uint64),
        ("next_instruction", ctypes.c_uint64),
        ("next_event", ctypes.c_uint64),
        ("calls_ended", ctypes.c_uint64),
        ("moved_at", ctypes.c_uint64),
        ("moved_by", ctypes.c_uint32),
        ("has_last", ctypes.c_uint32),
        ("last", ctypes.c_uint64 * 3),
        ("stub_length", ctypes.c_uint64),
        ("asked_before", ctypes.c_uint32),
        ("asked_reached", ctypes.c_uint32),
        ("answers", ctypes.c_uint32 * 4 * 64),
    )


@functools.cache
def load_walk() -> ctypes.CDLL:
    """Load the native core and declare what goes through traces. Raises `NativeCoreError`."""
    library = load_native_core()
    check_layouts(library, {"trace_walk_layout": ctypes.sizeof(ActivationWalk) << 8 | STEP.itemsize})
    library.trace_walk.restype = ctypes.c_uint32
    library.trace_walk.argtypes = [ctypes.c_void_p]
    library.trace_answer_walk.restype = None
    library.trace_answer_walk.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    return library
