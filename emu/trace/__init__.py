# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a run, its questions and its file formats."""

from emu.trace.code import Code, TracedBuffer, TracedCall, TracedModule
from emu.trace.file import load
from emu.trace.layout import ACCESS, EVENT, INSTRUCTION, READ, WRITE, AccessFlag, EventKind, InstructionFlag
from emu.trace.source import Chunk, MachineState, StoredSource, TraceError
from emu.trace.trace import Trace

__all__ = [
    "ACCESS",
    "EVENT",
    "INSTRUCTION",
    "READ",
    "WRITE",
    "AccessFlag",
    "Chunk",
    "Code",
    "EventKind",
    "InstructionFlag",
    "MachineState",
    "StoredSource",
    "Trace",
    "TraceError",
    "TracedBuffer",
    "TracedCall",
    "TracedModule",
    "load",
]
