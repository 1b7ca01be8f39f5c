# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as CSV (RFC 4180, UTF-8): a header, then a row an experiment, by ascending number.

number           the plan's
verdict          correct wrong-data wrong-status state-leak bugcheck timeout masked emulator-error
routine profile length source_offset target_offset irql
faults           their text forms, with spaces between; empty for none
explanation      one line; empty for a correct one, as are the next two
replay_id        what `emu replay` takes
minimal_id       the same of the smallest experiment that fails alike, where that is known
"""

from __future__ import annotations

import csv
from typing import Final, TextIO

from emu.campaign.report.results import CampaignResults

COLUMNS: Final = (
    "number",
    "verdict",
    "routine",
    "profile",
    "length",
    "source_offset",
    "target_offset",
    "irql",
    "faults",
    "explanation",
    "replay_id",
    "minimal_id",
)


def write(campaign: CampaignResults, stream: TextIO) -> None:
    """Write all that is done, in bounded memory. `stream` must not translate newlines."""
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for number, verdict, explanation, replay_id, minimal_id in campaign.results():
        case = campaign.case(number)
        writer.writerow(
            (
                number,
                verdict.label,
                campaign.title,
                case.profile,
                case.length,
                case.source_offset,
                case.target_offset,
                case.irql,
                " ".join(map(str, case.faults)),
                explanation,
                replay_id,
                minimal_id,
            )
        )
