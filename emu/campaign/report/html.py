# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as one HTML file that a browser opens from disk, without a network.

The page holds blocks, each a `<script>` of a type that no browser runs, in base64 of a zlib stream:

class   attributes                       what is in it
about   none                             JSON, once, before the rest: what `_about` returns
cube    data-layer data-verdict          how many experiments of a layer ended so, by cell (`PackedCounts` of
        data-width                       emu/campaign/report/counts.py); there is none where there are none
texts   none                             JSON: columns of the experiments that are not correct: number, layer, verdict,
                                         identity and minimal (replay ids), explanation (an index into explanations),
                                         cell (less the one before)

A layer is a profile and a fault template. Cells are numbered as in emu/campaign/report/grid.py. So a million correct
experiments are a million bits, and of the others `MOST_TEXTS` keep their text; which ones, `choose_evenly` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TextIO

import numpy as np

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.what_if import WhatIf
from emu.campaign.report.counts import choose_evenly, pack_counts
from emu.campaign.report.grid import Grid, Numbers, Span
from emu.campaign.report.results import CampaignResults
from emu.campaign.report.table import ResultTable
from emu.trace.formats.page import blocks_script, json_block, read_asset, write_block

MOST_TEXTS: Final = 20_000
"""Experiments whose replay id and explanation are in the page."""

SCRIPTS: Final = ("data.js", "words.js", "canvas.js", "heat.js", "overview.js", "detail.js", "report.js")
"""The parts of the page's one script, in order."""

SEVERITY: Final = (
    VerdictClass.CORRECT,
    VerdictClass.MASKED,
    VerdictClass.EMULATOR_ERROR,
    VerdictClass.WRONG_STATUS,
    VerdictClass.TIMEOUT,
    VerdictClass.WRONG_DATA,
    VerdictClass.STATE_LEAK,
    VerdictClass.BUGCHECK,
)
"""From the best to the worst; a cell has the colour of the worst one in it."""

MEANINGS: Final = {
    VerdictClass.CORRECT: ("✓", "as the contract has it"),
    VerdictClass.WRONG_DATA: ("D", "bytes landed that must not have, or did not land that must have"),
    VerdictClass.WRONG_STATUS: ("S", "it ended another way, with another status or at another address"),
    VerdictClass.STATE_LEAK: ("L", "a register, a flag, the IRQL or other memory is not as it was"),
    VerdictClass.BUGCHECK: ("B", "it ended in a bugcheck"),
    VerdictClass.TIMEOUT: ("T", "it used up its budget"),
    VerdictClass.MASKED: ("M", "what was injected had no effect"),
    VerdictClass.EMULATOR_ERROR: ("E", "the emulator could not run it"),
}
"""The letter of a class in the map, and its meaning in a few words."""

_VERSION: Final = 1


def write(campaign: CampaignResults, stream: TextIO) -> None:
    """Write the report of a campaign. Raises what reading the store raises."""
    table = ResultTable.of(campaign)
    grid = Grid.over(table.source, table.target, table.length, table.place)
    cells = grid.cell(table.source, table.target, table.length, table.place)
    head, rest = _asset("report.html").split("<!-- data -->\n")
    between, end = rest.split("<!-- script -->\n")
    stream.write(head.replace("<!-- style -->\n", f"<style>\n{_asset('report.css')}</style>\n"))
    write_block(stream, "about", json_block(_about(campaign, table, grid)))
    for layer, verdict, members in _groups(table):
        width, data = pack_counts(cells[members], grid.cells)
        write_block(stream, "cube", data, f' data-layer="{layer}" data-verdict="{verdict}" data-width="{width}"')
    write_block(stream, "texts", json_block(_texts(campaign, table, cells, grid)))
    stream.write(between)
    stream.write('<script type="module">\n')
    stream.write(blocks_script())
    stream.writelines(_asset(name) for name in SCRIPTS)
    stream.write("</script>\n")
    stream.write(end)


def _groups(table: ResultTable) -> Iterator[tuple[int, int, Numbers]]:
    """Give for each layer and class that occur the indices of their experiments."""
    kinds = len(VerdictClass)
    keys = table.layer.astype(np.int64) * kinds + table.verdict
    order = np.argsort(keys, kind="stable")
    found, begins = np.unique(keys[order], return_index=True)
    for key, members in zip(found.tolist(), np.split(order, begins[1:]), strict=True):
        yield key // kinds, key % kinds, members


def _about(campaign: CampaignResults, table: ResultTable, grid: Grid) -> dict[str, object]:
    profiles = list(dict.fromkeys(profile for profile, _ in table.layers))
    faults = list(dict.fromkeys(fault for _, fault in table.layers))
    left = "" if campaign.done == campaign.planned else f" of {campaign.planned:,}"
    ended = f"{campaign.failures:,} are not correct" if campaign.failures else "every one is correct"
    places: list[Span | None] = [*([None] if grid.nowhere else []), *grid.places]
    return {
        "version": _VERSION,
        "title": campaign.title,
        "summary": f"{campaign.done:,}{left} experiments; {ended}",
        "sweep": str(campaign.plan),
        "facts": list(campaign.facts),
        "classes": [
            {
                "label": kind.label,
                "letter": MEANINGS[kind][0],
                "meaning": MEANINGS[kind][1],
                "count": campaign.counts[kind],
            }
            for kind in VerdictClass
        ],
        "severity": [int(kind) for kind in SEVERITY],
        "axes": {"sources": grid.sources, "targets": grid.targets, "lengths": grid.lengths, "bytes": places},
        "columnName": table.place_name,
        "wholeCall": isinstance(campaign.plan, WhatIf),
        "profiles": profiles,
        "faults": [fault or "no fault" for fault in faults],
        "layers": [(profiles.index(profile), faults.index(fault)) for profile, fault in table.layers],
        "elsewhere": f"this page keeps {MOST_TEXTS:,} at most; emu report STORE -o results.csv has them all",
    }


def _texts(campaign: CampaignResults, table: ResultTable, cells: Numbers, grid: Grid) -> dict[str, Any]:
    bad = np.flatnonzero(table.verdict != VerdictClass.CORRECT)
    kept = bad[choose_evenly(cells[bad], table.verdict[bad].astype(np.int64), grid.cells_per_pair, MOST_TEXTS)]
    wanted = dict(zip(table.number[kept].tolist(), kept.tolist(), strict=True))
    texts = [
        (int(cells[wanted[result.number]]), wanted[result.number], result)
        for result in campaign.failing()
        if result.number in wanted
    ]
    texts.sort(key=lambda text: text[:2])
    explanations: dict[str, int] = {}
    return {
        "number": [result.number for _, _, result in texts],
        "layer": [int(table.layer[row]) for _, row, _ in texts],
        "verdict": [int(table.verdict[row]) for _, row, _ in texts],
        "identity": [result.replay_id for _, _, result in texts],
        "minimal": [result.minimal_id for _, _, result in texts],
        "explanation": [explanations.setdefault(each.explanation, len(explanations)) for _, _, each in texts],
        "explanations": list(explanations),
        "cell": np.diff(np.array([cell for cell, _, _ in texts], np.int64), prepend=0).tolist(),
    }


def _asset(name: str) -> str:
    return read_asset("emu.campaign.report", "page", name)
