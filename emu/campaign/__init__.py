# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments: a routine, its data and its faults, run and recorded; each has a replay id."""

from emu.campaign.content import DEFAULT_SEED, MAXIMUM_INLINE, Content, File, Inline, Pattern
from emu.campaign.experiment import DEFAULT_LENGTH, DEFAULT_ROUTINE, CopyExperiment, check_call, load_images
from emu.campaign.experiment_error import ExperimentError
from emu.campaign.landing import Fate, Landing, Run
from emu.campaign.page_row import PageFacts, PageRow, page_facts, page_rows
from emu.campaign.placement import SOURCE, TARGET, boundary_offset, describe_sharing
from emu.campaign.replay_id import format_replay_id, parse_replay_id
from emu.campaign.result import BufferRange, CopyResult

__all__ = [
    "DEFAULT_LENGTH",
    "DEFAULT_ROUTINE",
    "DEFAULT_SEED",
    "MAXIMUM_INLINE",
    "SOURCE",
    "TARGET",
    "BufferRange",
    "Content",
    "CopyExperiment",
    "CopyResult",
    "ExperimentError",
    "Fate",
    "File",
    "Inline",
    "Landing",
    "PageFacts",
    "PageRow",
    "Pattern",
    "Run",
    "boundary_offset",
    "check_call",
    "describe_sharing",
    "format_replay_id",
    "load_images",
    "page_facts",
    "page_rows",
    "parse_replay_id",
]
