# SPDX-License-Identifier: GPL-2.0-or-later
"""DISPATCHER_CONTEXT: what the dispatcher tells a language handler about its frame."""

from ctypes import LittleEndianStructure, c_uint32, c_uint64


class DISPATCHER_CONTEXT(LittleEndianStructure):
    """What a language handler gets in r9 (winnt.h DISPATCHER_CONTEXT for x64, 0x50 bytes)."""

    _fields_ = (
        ("ControlPc", c_uint64),
        ("ImageBase", c_uint64),
        ("FunctionEntry", c_uint64),
        ("EstablisherFrame", c_uint64),
        ("TargetIp", c_uint64),
        ("ContextRecord", c_uint64),
        ("LanguageHandler", c_uint64),
        ("HandlerData", c_uint64),
        ("HistoryTable", c_uint64),
        ("ScopeIndex", c_uint32),
        ("Fill0", c_uint32),
    )
