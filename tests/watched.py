# SPDX-License-Identifier: GPL-2.0-or-later
"""Has every processor count its accesses and instructions, and stop at none: nothing that a test sees may change."""

from __future__ import annotations

from typing import Any

import pytest

from emu.cpu.processor import Processor
from emu.cpu.watch import Watch
from emu.trace import replay


def watch_every_processor(patch: pytest.MonkeyPatch) -> None:
    """Attach a watch to each processor that starts, but for those that run a log again."""
    start = Processor.start
    unwatched = type("UnwatchedProcessor", (Processor,), {"start": start})

    def watched_start(processor: Processor, *arguments: Any) -> None:
        start(processor, *arguments)
        processor.watch = Watch(processor)  # type: ignore[attr-defined]

    patch.setattr(Processor, "start", watched_start)
    patch.setattr(replay, "Processor", unwatched)
