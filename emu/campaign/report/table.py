# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of a campaign as columns: twenty-odd bytes an experiment."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np

from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.plan import PlanPart
from emu.campaign.report.grid import MOST_OFFSETS, NOWHERE, Numbers
from emu.campaign.report.results import CampaignResults
from emu.faults import BufferPlace, Fault
from emu.faults.fault import PAGE_STATES

BYTE: Final = "faulting byte"
INSTRUCTION: Final = "instruction"
_KEPT: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ResultTable:
    """What the maps need of each experiment, by column; rows are in the order of their numbers."""

    number: Numbers
    length: Numbers
    source: Numbers
    """The source's offset modulo 16."""
    target: Numbers
    """The target's offset modulo 16."""
    place: Numbers
    """The byte of a buffer, or the instruction, that the first fault is at; `NOWHERE`."""
    layer: Numbers
    """Index into `layers`."""
    verdict: Numbers
    layers: tuple[tuple[str, str], ...]
    """Profiles and fault templates."""
    place_name: str

    @classmethod
    def of(cls, campaign: CampaignResults) -> ResultTable:
        """Read all results of a campaign."""
        number, length, place = array("Q"), array("Q"), array("q")
        source, target, layer, verdict = array("B"), array("B"), array("L"), array("B")
        parts: dict[PlanPart, int] = {}
        places: dict[tuple[Fault, ...], tuple[str, int]] = {}
        names: set[str] = set()
        for part, result in campaign.parted():
            case = campaign.case(result.number)
            found = places.get(case.faults)
            if found is None:
                if len(places) >= _KEPT:
                    places.clear()
                found = places[case.faults] = _place(case.faults)
                names.add(found[0])
            number.append(result.number)
            length.append(case.length)
            source.append(case.source_offset % MOST_OFFSETS)
            target.append(case.target_offset % MOST_OFFSETS)
            place.append(found[1])
            layer.append(parts.setdefault(part, len(parts)))
            verdict.append(result.verdict)
        return cls(
            number=np.array(number),
            length=np.array(length),
            source=np.array(source),
            target=np.array(target),
            place=np.array(place),
            layer=np.array(layer),
            verdict=np.array(verdict),
            layers=tuple((str(part.profile), part.faults) for part in parts),
            place_name=" or ".join(sorted(names - {""})) or BYTE,
        )


def _place(faults: tuple[Fault, ...]) -> tuple[str, int]:
    """Return what the place of the first fault is called, and where it is."""
    if not faults:
        return "", NOWHERE
    first = faults[0]
    place = first.place
    # A flip may be of code, by its symbol; a page state is of a buffer, be it an argument of a whole call.
    if isinstance(place, BufferPlace) and (place.buffer in (SOURCE, TARGET) or first.kind in PAGE_STATES):
        return BYTE, place.offset
    if first.insn is not None:
        return INSTRUCTION, first.insn
    return "", NOWHERE
