# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a plan of any kind from the JSON form that a store keeps."""

from __future__ import annotations

from typing import Any, Final

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.copy_sweep import CopySweep
from emu.campaign.plan.plan import Plan
from emu.campaign.plan.what_if import WhatIf

_PLANS: Final[dict[str, type[Plan]]] = {CopySweep.kind: CopySweep, WhatIf.kind: WhatIf}


def plan_from_json(data: Any) -> Plan:
    """Return the plan whose `to_json` gave this. Raises `ExperimentError` for anything else."""
    kind = data.get("plan") if isinstance(data, dict) else None
    plan = _PLANS.get(kind) if isinstance(kind, str) else None
    if plan is None:
        raise ExperimentError(f"plan: {kind!r} is no kind of plan that this version knows ({', '.join(_PLANS)})")
    return plan.from_json(data)
