# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check is: a plugin with a name, and a docstring that says what it is worth."""

from __future__ import annotations

import inspect
import re
from typing import ClassVar, Final, NamedTuple

_SECTIONS: Final = ("Proves", "Cannot see", "Cost")
_HEADING: Final = re.compile(rf"^({'|'.join(_SECTIONS)}): ?", re.MULTILINE)


class Check:
    """A plugin that checks a rule.

    Its docstring is what `emu checks` and the manual show: one sentence, then paragraphs that begin with `Proves:`,
    `Cannot see:` and `Cost:`.
    """

    name: ClassVar[str]
    """What it is called: in options, in suppressions, in its findings."""
    default: ClassVar[bool] = True
    """Whether it belongs to `checks="default"`: unless it makes a traced call more than twice as slow."""


class Description(NamedTuple):
    """A check as it is listed."""

    name: str
    default: bool
    summary: str
    proves: str
    cannot_see: str
    cost: str


def describe_check(name: str, plugin: object) -> Description:
    """Return what the docstring of a plugin's class says; parts that it lacks are empty."""
    kind = plugin if inspect.isclass(plugin) else type(plugin)
    text = inspect.cleandoc(kind.__doc__ or "")
    summary, *parts = _HEADING.split(text)
    found = {heading: _one_line(body) for heading, body in zip(parts[::2], parts[1::2], strict=True)}
    proves, cannot_see, cost = (found.get(section, "") for section in _SECTIONS)
    return Description(name, bool(getattr(kind, "default", False)), _one_line(summary), proves, cannot_see, cost)


def _one_line(text: str) -> str:
    return " ".join(text.split())
