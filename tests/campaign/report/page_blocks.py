# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a report's page back, by the description in emu/campaign/report/html.py."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from emu.campaign.report import CampaignResults, html

_BLOCK = re.compile(r'<script type="application/octet-stream" class="(\w+)"([^>]*)>([^<]*)</script>')


class PageBlocks(NamedTuple):
    """What is in a page."""

    text: str
    about: dict[str, Any]
    counts: Counter[tuple[int, int, int]]
    """How many experiments a layer, a class and a cell have."""
    texts: list[dict[str, Any]]


def page_of(campaign: CampaignResults) -> PageBlocks:
    """Write a page and read it back."""
    stream = io.StringIO()
    html.write(campaign, stream)
    text = stream.getvalue()
    about: dict[str, Any] = {}
    counts: Counter[tuple[int, int, int]] = Counter()
    texts: list[dict[str, Any]] = []
    for kind, attributes, content in _BLOCK.findall(text):
        data = zlib.decompress(base64.b64decode(content))
        if kind == "about":
            about = json.loads(data)
        elif kind == "texts":
            texts = _rows(json.loads(data))
        else:
            given = dict(re.findall(r'data-(\w+)="(\d+)"', attributes))
            numbers = _unpacked(data, int(given["width"]))
            for cell in np.flatnonzero(numbers).tolist():
                counts[int(given["layer"]), int(given["verdict"]), cell] += int(numbers[cell])
    return PageBlocks(text, about, counts, texts)


def cell_of(about: dict[str, Any], source: int, target: int, length: int, byte: int | None) -> int:
    """Return the number of the cell with these values."""
    axes = about["axes"]
    cell = _index(axes["sources"], source)
    cell = cell * len(axes["targets"]) + _index(axes["targets"], target)
    cell = cell * len(axes["lengths"]) + _index(axes["lengths"], length)
    return cell * len(axes["bytes"]) + _index(axes["bytes"], byte)


def _index(axis: list[list[int] | None], value: int | None) -> int:
    return next(
        at
        for at, span in enumerate(axis)
        if (span is None and value is None) or (span is not None and value is not None and span[0] <= value <= span[1])
    )


def _unpacked(data: bytes, width: int) -> Any:
    if width == 1:
        return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    return np.frombuffer(data, f"<u{width // 8}")


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("number", "layer", "verdict", "identity", "minimal")
    cells = np.cumsum(columns["cell"]).tolist()
    return [
        {
            **{name: columns[name][at] for name in names},
            "cell": cell,
            "explanation": columns["explanations"][columns["explanation"][at]],
        }
        for at, cell in enumerate(cells)
    ]
