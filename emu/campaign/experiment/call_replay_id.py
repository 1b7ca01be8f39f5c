# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay ids of calls: as those of copies (emu/campaign/experiment/replay_id.py), with the arguments in order.

    ROUTINE[/image=FILE]…/arg=ARGUMENT…/profile=PROFILE/irql=N[/budget=N][/unguarded][/stub=NAME=VALUE]…[/FAULT]…

A call without arguments has `args=none`, so that its id is no copy's. An argument's own text is what `emu run` reads.
"""

from __future__ import annotations

import re
from typing import Any, Final

from emu.campaign.experiment.argument import parse_argument, parse_stub
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.experiment.replay_word import join_parts, split_parts
from emu.faults import FaultError, parse_fault
from emu.machine import DEFAULT_BUDGET
from emu.profile import Profile, ProfileError

_NO_ARGUMENTS: Final = "args=none"
_UNGUARDED: Final = "unguarded"
_NUMBERS: Final = ("irql", "budget")
_SETTINGS: Final = ("image=", "arg=", "profile=", "irql=", "budget=", "stub=", _NO_ARGUMENTS, _UNGUARDED)
_NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def format_call_id(call: CallExperiment) -> str:
    """Return the replay id of a call."""
    settings = [
        *(f"image={image}" for image in call.images),
        *([f"arg={argument}" for argument in call.arguments] or [_NO_ARGUMENTS]),
        f"profile={call.profile}",
        f"irql={call.irql}",
    ]
    if call.budget != DEFAULT_BUDGET:
        settings.append(f"budget={call.budget}")
    if not call.guarded:
        settings.append(_UNGUARDED)
    settings += [f"stub={stub}" for stub in call.stubs]
    settings += [str(fault) for fault in call.faults]
    return join_parts(call.routine, settings)


def is_call_id(text: str) -> bool:
    """Tell whether a replay id is a call's, by its arguments."""
    return any(part.startswith("arg=") or part == _NO_ARGUMENTS for part in text.split("/")[1:])


def parse_call_id(text: str) -> CallExperiment:
    """Read the replay id of a call; settings that are left out have the experiment's defaults.

    Raises `ExperimentError`, whose message names the part that is wrong.
    """
    routine, parts = split_parts(text)
    values: dict[str, Any] = {}
    lists: dict[str, list[Any]] = {"images": [], "arguments": [], "stubs": [], "faults": []}
    try:
        for part in parts:
            name, equals, value = part.partition("=")
            if part == _NO_ARGUMENTS:
                continue
            if part == _UNGUARDED:
                _set(values, "guarded", False, part)
            elif equals and name == "image":
                lists["images"].append(value)
            elif equals and name == "arg":
                lists["arguments"].append(parse_argument(value))
            elif equals and name == "stub":
                lists["stubs"].append(parse_stub(value))
            elif equals and name == "profile":
                _set(values, name, Profile.parse(value), part)
            elif equals and name in _NUMBERS:
                _set(values, name, _number(part, value), part)
            elif "@" in part:
                lists["faults"].append(parse_fault(part))
            else:
                settings = ", ".join(_SETTINGS)
                raise ExperimentError(f"{part!r} is neither a setting ({settings}) nor a fault (KIND@PLACE)")
        if _NO_ARGUMENTS in parts and lists["arguments"]:
            raise ExperimentError(f"{_NO_ARGUMENTS} and arg= exclude each other")
        values |= {name: tuple(found) for name, found in lists.items()}
        return CallExperiment(routine, **values)
    except (ExperimentError, FaultError, ProfileError) as error:
        raise ExperimentError(f"replay id {text!r}: {error}") from None


def _set(values: dict[str, Any], name: str, value: Any, part: str) -> None:
    if name in values:
        raise ExperimentError(f"{part.partition('=')[0]} is there twice")
    values[name] = value


def _number(part: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise ExperimentError(f"{part}: a number belongs here")
    return int(value)
