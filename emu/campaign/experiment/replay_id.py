# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids: an experiment as one word that a shell passes on unchanged.

    ROUTINE[/image=FILE]…/len=N/src=+OFFSET/dst=+OFFSET/profile=PROFILE/data=DATA/irql=N[/budget=N][/FAULT]…

What is not a letter, a digit or one of `._-+,=@:` is percent-encoded. `data` is a pattern's seed, `0x` and the bytes
themselves, or `@FILE`; files are named as they were given, relative to the directory that replay runs in.
"""

from __future__ import annotations

import re
from typing import Any, Final

from emu.campaign.experiment.content import parse_content
from emu.campaign.experiment.copy_experiment import CopyExperiment
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.replay_word import join_parts, split_parts
from emu.faults import Fault, FaultError, parse_fault
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile, ProfileError

_NUMBERS: Final = {"len": "length", "src": "source_offset", "dst": "target_offset", "irql": "irql", "budget": "budget"}
_SETTINGS: Final = ("image", "len", "src", "dst", "profile", "data", "irql", "budget")
_NUMBER: Final = re.compile(r"\+?[0-9]{1,20}", re.ASCII)


def format_replay_id(experiment: CopyExperiment) -> str:
    """Return the replay id of an experiment."""
    settings = [
        *(f"image={image}" for image in experiment.images),
        f"len={experiment.length}",
        f"src=+{experiment.source_offset}",
        f"dst=+{experiment.target_offset}",
        f"profile={experiment.profile}",
        f"data={experiment.data}",
        f"irql={experiment.irql}",
    ]
    if experiment.budget != DEFAULT_BUDGET:
        settings.append(f"budget={experiment.budget}")
    settings += [str(fault) for fault in experiment.faults]
    return join_parts(experiment.routine, settings)


def parse_replay_id(text: str) -> CopyExperiment:
    """Read a replay id; settings that are left out have the experiment's defaults.

    Raises `ExperimentError`, whose message names the part that is wrong.
    """
    routine, parts = split_parts(text)
    values: dict[str, Any] = {}
    images, faults = [], []
    try:
        for part in parts:
            name, equals, value = part.partition("=")
            if not equals or name not in _SETTINGS:
                faults.append(_fault(part))
            elif name == "image":
                images.append(value)
            else:
                field = _NUMBERS.get(name, name)
                if field in values:
                    raise ExperimentError(f"{name}= is there twice")
                values[field] = _value(name, value)
        return CopyExperiment(routine, images=tuple(images), faults=tuple(faults), **values)
    except (ExperimentError, FaultError, ProfileError) as error:
        raise ExperimentError(f"replay id {text!r}: {error}") from None


def _fault(part: str) -> Fault:
    if "@" not in part:
        settings = ", ".join(f"{name}=" for name in _SETTINGS)
        raise ExperimentError(f"{part!r} is neither a setting ({settings}) nor a fault (KIND@PLACE)")
    return parse_fault(part)


def _value(name: str, value: str) -> Any:
    if name == "profile":
        return Profile.parse(value)
    if name == "data":
        return parse_content(value)
    if not _NUMBER.fullmatch(value):
        raise ExperimentError(f"{name}={value}: a number belongs here")
    return int(value)
