# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy as JSON: `emu copy --json` and `emu replay --json`.

The keys are stable. Addresses and what may be one are strings in hexadecimal (JSON's numbers end at 53 bits), bytes are
strings of hexadecimal digits.

    replay       the replay id
    clean        whether the exit status is 0
    experiment   routine length source_offset target_offset profile data irql budget images faults notes
    outcome      kind: returned raised bugchecked timed-out unmodelled; text: one sentence, and by kind
                 returned    value
                 raised      code status flags exception_address information fault_address operation byte handler
                 bugchecked  code name parameters [{value, meaning, doubtful}]
                 timed-out   budget rip at
                 unmodelled  reason rip at
    verdict      class: correct wrong-data wrong-status state-leak bugcheck timeout masked emulator-error; detail
    source       address, before, after
    target       address, after, landed, prefix, complete, runs [{first, length, fate: landed untouched wrong}],
                 poison_damage: offsets outside the target that were written
    pages        [{buffer, address, pages, first, last, before {user, protection, state}, after {…}}]
    events       [{event, …}]: the fields of emu/events.py by their names there, with `at` where there is an address of
                 code, `handler_name` where there is a handler; a trap also has name, access, byte {buffer, offset},
                 instruction and source_line {file, line, text}
"""

from __future__ import annotations

from typing import Any

from emu.campaign import CopyResult, format_replay_id
from emu.campaign.judge.verdict import Verdict
from emu.cli.call_data import event_data, hexadecimal, outcome_data, page_data
from emu.cli.verdict import summary


def copy_data(result: CopyResult, verdict: Verdict) -> dict[str, Any]:
    """Return everything that the display shows."""
    experiment, landing = result.experiment, result.landing
    return {
        "replay": format_replay_id(experiment),
        "clean": result.clean,
        "experiment": {
            "routine": experiment.routine,
            "length": experiment.length,
            "source_offset": experiment.source_offset,
            "target_offset": experiment.target_offset,
            "profile": str(experiment.profile),
            "data": str(experiment.data),
            "irql": experiment.irql,
            "budget": experiment.budget,
            "images": list(experiment.images),
            "faults": [str(fault) for fault in experiment.faults],
            "notes": list(experiment.notes),
        },
        "outcome": {**outcome_data(result), "text": summary(result)},
        "verdict": {"class": verdict.kind.label, "detail": verdict.detail},
        "source": {
            "address": hexadecimal(result.source_address),
            "before": result.content.hex(),
            "after": result.source.hex(),
        },
        "target": {
            "address": hexadecimal(result.target_address),
            "after": result.target.hex(),
            "landed": landing.count("landed"),
            "prefix": landing.prefix,
            "complete": landing.complete,
            "runs": [run._asdict() for run in landing.runs],
            "poison_damage": list(landing.damage),
        },
        "pages": [page_data(row) for row in result.pages],
        "events": [event_data(result, event) for event in result.events],
    }
