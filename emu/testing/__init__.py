# SPDX-License-Identifier: GPL-2.0-or-later
"""Assertions for tests of guest code, and what a judge of one's own is written with.

The pytest plugin (emu/pytest_plugin.py) stands on the modules beside it.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
    from emu.campaign.judge.judged_state import describe_state
    from emu.campaign.judge.observation import Observation
    from emu.campaign.judge.oracle import judge_copy
    from emu.campaign.judge.verdict import Verdict, VerdictClass
    from emu.campaign.plan.case import CopyCase
    from emu.testing.asserts import assert_copies, assert_raises
    from emu.testing.sweeps import sweep

_HOMES = {
    "assert_copies": "emu.testing.asserts",
    "assert_raises": "emu.testing.asserts",
    "sweep": "emu.testing.sweeps",
    "POISON": "emu.campaign.experiment.landing",
    "RED_ZONE": "emu.campaign.experiment.landing",
    "poison_for": "emu.campaign.experiment.landing",
    "describe_state": "emu.campaign.judge.judged_state",
    "Observation": "emu.campaign.judge.observation",
    "judge_copy": "emu.campaign.judge.oracle",
    "Verdict": "emu.campaign.judge.verdict",
    "VerdictClass": "emu.campaign.judge.verdict",
    "CopyCase": "emu.campaign.plan.case",
}

__all__ = [
    "POISON",
    "RED_ZONE",
    "CopyCase",
    "Observation",
    "Verdict",
    "VerdictClass",
    "assert_copies",
    "assert_raises",
    "describe_state",
    "judge_copy",
    "poison_for",
    "sweep",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: every pytest run imports this package."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emu.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
