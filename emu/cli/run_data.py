# SPDX-License-Identifier: GPL-2.0-or-later
"""A call as JSON: `emu run --json`.

The keys are stable; what is a string in hexadecimal is so as in emu/cli/copy_data.py.

    routine      as given
    arguments    [{argument: canonical text, value, buffer: its name, or null for an integer}]
    settings     profile irql budget guarded images faults stubs [{name, value}] notes
    returned     whether the exit status is 0
    outcome      as of `emu copy`; a raised one's byte {buffer, offset} names a buffer
    buffers      [{name, memory: user kernel, address, before, after, changed [{first, length}]}]
    pages        as of `emu copy`
    events       as of `emu copy`
    debug_output what DbgPrint and its relatives printed, as one string
    pool         the blocks that are not freed [{address, size, tag, paged, caller, allocated_from}]
"""

from __future__ import annotations

from typing import Any

from emu.campaign.experiment.argument import Integer
from emu.campaign.experiment.run_result import RunResult
from emu.cli.buffer_dump import changed_runs
from emu.cli.call_data import event_data, hexadecimal, outcome_data, page_data
from emu.cli.run_display import run_summary
from emu.kernel.pool import format_tag


def run_data(result: RunResult) -> dict[str, Any]:
    """Return everything that the display shows."""
    call = result.call
    return {
        "routine": call.routine,
        "arguments": [
            {
                "argument": str(argument),
                "value": hexadecimal(value),
                "buffer": None if isinstance(argument, Integer) else f"arg{position}",
            }
            for position, (argument, value) in enumerate(zip(call.arguments, result.values, strict=True))
        ],
        "settings": {
            "profile": str(call.profile),
            "irql": call.irql,
            "budget": call.budget,
            "guarded": call.guarded,
            "images": list(call.images),
            "faults": [str(fault) for fault in call.faults],
            "stubs": [{"name": stub.name, "value": stub.value} for stub in call.stubs],
            "notes": list(result.notes),
        },
        "returned": result.returned,
        "outcome": {**outcome_data(result), "text": run_summary(result)},
        "buffers": [
            {
                "name": memory.name,
                "memory": memory.half,
                "address": hexadecimal(memory.address),
                "before": memory.before.hex(),
                "after": memory.after.hex(),
                "changed": [run._asdict() for run in changed_runs(memory.before, memory.after)],
            }
            for memory in result.memory
        ],
        "pages": [page_data(row) for row in result.pages],
        "events": [event_data(result, event) for event in result.events],
        "debug_output": result.debug_output,
        "pool": [
            {
                "address": hexadecimal(block.address),
                "size": block.size,
                "tag": format_tag(block.tag),
                "paged": block.paged,
                "caller": hexadecimal(block.caller),
                "allocated_from": allocated_from,
            }
            for block, allocated_from in result.outstanding
        ],
    }
