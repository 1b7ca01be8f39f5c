# SPDX-License-Identifier: GPL-2.0-or-later
"""Experiments: a routine, its data and its faults, run and recorded; each has a replay id."""

from emu.campaign.experiment.content import DEFAULT_SEED, MAXIMUM_INLINE, Content, File, Inline, Pattern
from emu.campaign.experiment.copy_experiment import (
    DEFAULT_LENGTH,
    DEFAULT_ROUTINE,
    CopyExperiment,
    check_call,
    load_images,
)
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.landing import Fate, Landing, Run
from emu.campaign.experiment.page_row import PageFacts, PageRow, page_facts, page_rows
from emu.campaign.experiment.placement import SOURCE, TARGET, boundary_offset, describe_sharing
from emu.campaign.experiment.replay_id import format_replay_id, parse_replay_id
from emu.campaign.experiment.result import BufferRange, CopyResult

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
