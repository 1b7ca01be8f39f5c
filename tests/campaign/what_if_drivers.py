# SPDX-License-Identifier: GPL-2.0-or-later
"""The drivers of what_if/: each a call, and what must come of its sweep.

Their first comment has `// call: ARG…` as `emu run` reads them, `// pairs` and `// must-return` where they are wanted,
and `// expect: NUMBER CLASS: TEXT` for every experiment that is not correct, with a part of its detail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from emu import Profile
from emu.campaign.experiment.argument import parse_argument
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.plan.what_if import WhatIf
from emu.campaign.run.campaign import Campaign
from emu.campaign.run.what_if_workbench import WHAT_IF_WORKBENCH, WhatIfWorkbench

HERE = Path(__file__).parent / "what_if"
PROFILE = Profile.parse("skylake-server,smap=permit")
"""How Windows enters drivers: AC is set, so that they may touch user memory themselves."""


@dataclass(frozen=True)
class Driver:
    """A driver with one routine, named as its file is."""

    path: Path
    call: CallExperiment
    pairs: bool
    must_return: bool
    expected: dict[int, tuple[str, str]]
    """By number the class and a part of the detail."""

    def sweep(self) -> WhatIf:
        """Measure its call."""
        return WhatIf.measure(self.call, pairs=self.pairs, must_return=self.must_return)


def driver(stem: str) -> Driver:
    """Read a driver of what_if/ by its name."""
    path = HERE / f"{stem}.c"
    text = path.read_text()
    arguments = re.search(r"^// call:(.*)$", text, re.MULTILINE)
    assert arguments is not None, path
    expected = re.findall(r"^// expect: (\d+) ([a-z-]+): (.*)$", text, re.MULTILINE)
    assert len(expected) == text.count("// expect"), path
    call = CallExperiment(
        "".join(word.capitalize() for word in stem.split("_")),
        tuple(map(parse_argument, arguments[1].split())),
        images=(str(path),),
        profile=PROFILE,
        budget=20_000,
    )
    return Driver(
        path,
        call,
        "\n// pairs\n" in text,
        "\n// must-return\n" in text,
        {int(number): (kind, detail) for number, kind, detail in expected},
    )


def drivers() -> list[str]:
    """Return the names of all."""
    return sorted(path.stem for path in HERE.glob("*.c"))


def campaign_of(plan: WhatIf) -> Campaign:
    """Return the campaign of a sweep."""
    return Campaign.of(plan.to_json(), plan.call.files, WHAT_IF_WORKBENCH)


def workbench_of(plan: WhatIf) -> WhatIfWorkbench:
    """Return a workbench for a sweep."""
    return WhatIfWorkbench(campaign_of(plan))
