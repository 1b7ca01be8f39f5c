# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace Event JSON, which Perfetto and chrome://tracing open: calls and activations as slices, events as instants.

Time is the index of an instruction, shown as microseconds. One thread has the calls that the host made, as complete
events; another the activations of the guest, as begin and end events, and the instants. The objects of a thread are in
order of time. (Format: "Trace Event Format", Google.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TextIO

from emu.trace.activations import CALL, HOST, Began, Ended, Happened, activations
from emu.trace.layout import EventKind

if TYPE_CHECKING:
    from emu.trace.trace import Trace

PROCESS: Final = 1
GUEST_THREAD: Final = 1
HOST_THREAD: Final = 2

CATEGORIES: Final = {
    EventKind.TrapTaken: "trap",
    EventKind.PagedIn: "page",
    EventKind.StackGrown: "page",
    EventKind.ExceptionRaised: "exception",
    EventKind.FrameSearched: "search",
    EventKind.FilterAnswered: "search",
    EventKind.FrameUnwound: "unwind",
    EventKind.FinallyRun: "unwind",
    EventKind.FramesConsolidated: "unwind",
    EventKind.Landed: "unwind",
    EventKind.ExecutionContinued: "exception",
    EventKind.DispatchFailed: "exception",
    EventKind.ExportCalled: "host",
    EventKind.DebugPrinted: "host",
    EventKind.PoolAllocated: "pool",
    EventKind.PoolFreed: "pool",
    EventKind.BugcheckRaised: "bugcheck",
    EventKind.FaultStruck: "fault",
}
"""`cat` of an instant."""


def write(trace: Trace, stream: TextIO) -> None:
    """Write a trace, one object a line. Raises OSError."""
    stream.write('{"otherData":{"time":"index of an instruction"},"traceEvents":[\n')
    separator = ""
    for each in _objects(trace):
        stream.write(separator + json.dumps(each, ensure_ascii=False, separators=(",", ":")))
        separator = ",\n"
    stream.write("\n]}\n")


def _objects(trace: Trace) -> Iterator[dict[str, Any]]:
    yield _name("process_name", GUEST_THREAD, "emulated machine")
    yield _name("thread_name", GUEST_THREAD, "guest")
    yield _name("thread_name", HOST_THREAD, "calls of the host")
    guest: dict[str, Any] = {"pid": PROCESS, "tid": GUEST_THREAD}
    for step in activations(trace):
        match step:
            case Began(at, number, by):
                code = trace.code[number]
                args: dict[str, Any] = {"address": f"{code.rip:#x}", "source": code.source, "started by": by}
                name = code.place if by in (CALL, HOST) else f"{by} {code.place}"
                yield {"name": name, "cat": "activation", "ph": "B", "ts": at, **guest, "args": args}
            case Ended(at):
                yield {"ph": "E", "ts": at, **guest}
            case Happened(at, number, kind, rip, address):
                args = {"explanation": trace.explain(number).strip(), "rip": f"{rip:#x}", "address": f"{address:#x}"}
                what = {"name": kind.name, "cat": CATEGORIES[kind], "ph": "i", "s": "t"}
                yield {**what, "ts": at, **guest, "args": args}
    for call in trace.calls:
        args = {"arguments": [f"{value:#x}" for value in call.arguments], "outcome": call.outcome}
        time = {"ts": call.begin, "dur": call.end - call.begin}
        yield {
            "name": call.function, "cat": "call", "ph": "X", **time, "pid": PROCESS, "tid": HOST_THREAD, "args": args,
        }  # fmt: skip


def _name(what: str, thread: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": PROCESS, "tid": thread, "args": {"name": name}}
