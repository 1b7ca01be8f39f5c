# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign is made of, as its store keeps it and as each worker is handed it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emu.campaign.experiment.experiment_error import ExperimentError

COPY_WORKBENCH: Final = "emu.campaign.run.copy_workbench:CopyWorkbench"
_FILE: Final = "file "


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A plan, who works on it, and with what; `versions` are texts by name: emu, engine, the digests of files."""

    plan: str
    """JSON, from the plan's `to_json`."""
    versions: str
    """JSON. Verdicts of other versions may differ, so that a campaign is only ever run with these."""
    workbench: str = COPY_WORKBENCH
    """`module:callable`, which makes the workbench (emu/campaign/run/worker.py) of a campaign."""
    oracle: str = ""
    """The user's judge as `FILE.py:function`; empty for the project's."""

    @classmethod
    def of(
        cls,
        plan: Mapping[str, Any],
        files: Iterable[str] = (),
        workbench: str = COPY_WORKBENCH,
        oracle: str = "",
    ) -> Campaign:
        """Return the campaign of a plan with the versions that are installed; `files` are those that it depends on.

        Raises OSError for a file that cannot be read.
        """
        names = [*files, *([oracle.rpartition(":")[0]] if oracle else ())]
        versions = {**_installed(), **{f"{_FILE}{name}": _digest(name) for name in names}}
        return cls(_canonical(plan), _canonical(versions), workbench, oracle)

    def read_plan(self) -> dict[str, Any]:
        """Return the plan's JSON, read."""
        plan: dict[str, Any] = json.loads(self.plan)
        return plan

    def read_versions(self) -> dict[str, str]:
        """Return the versions by name."""
        versions: dict[str, str] = json.loads(self.versions)
        return versions

    def check_versions(self) -> None:
        """Raise `ExperimentError` where something here is another version than the campaign was begun with."""
        here = _installed()
        for name, version in self.read_versions().items():
            file = name.removeprefix(_FILE)
            if file != name:
                try:
                    found = _digest(file)
                except OSError as error:
                    raise ExperimentError(
                        f"{file}, which the campaign was begun with: {error.strerror or error}"
                    ) from None
                if found != version:
                    raise ExperimentError(
                        f"{file} is no longer what the campaign was begun with; bring that back, or begin another one"
                    )
            elif here.get(name) != version:
                raise ExperimentError(
                    f"the campaign was begun with {name} {version}, and here is {here.get(name, 'none')}; "
                    "install that version, or begin another one"
                )


def _installed() -> dict[str, str]:
    return {"emu": importlib.metadata.version("umaccess-emu"), "engine": importlib.metadata.version("unicorn")}


def _digest(file: str) -> str:
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
