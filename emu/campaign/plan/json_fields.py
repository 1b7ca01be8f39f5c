# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes a JSON form of a kind and a version apart, field by field, and says what is wrong with it."""

from __future__ import annotations

from typing import Any, NoReturn

from emu.campaign.experiment.experiment_error import ExperimentError


class JsonFields:
    """The fields of an object. Every method raises `ExperimentError` for what does not belong there."""

    def __init__(self, data: Any, kind: str, version: int) -> None:
        if not isinstance(data, dict):
            raise ExperimentError(f"an object belongs here, not {type(data).__name__}")
        self._left = dict(data)
        if self.take("plan") != kind:
            raise ExperimentError(f"its kind is {data['plan']!r}, not {kind!r}")
        written = self.integer("version")
        if written > version:
            raise ExperimentError(
                f"it has version {written}, this emu reads up to {version}; use the emu that wrote it"
            )
        if written < 1:
            raise ExperimentError(f"there is no version {written}")

    def take(self, name: str) -> Any:
        """Return a field of any type."""
        if name not in self._left:
            raise ExperimentError(f"{name!r} is missing")
        return self._left.pop(name)

    def text(self, name: str) -> str:
        """Return a text."""
        value = self.take(name)
        return value if isinstance(value, str) else _fail(name, value, "a text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.take(name)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            _fail(name, value, "a list of texts")
        return tuple(value)

    def integer(self, name: str) -> int:
        """Return an integer."""
        value = self.take(name)
        return value if type(value) is int else _fail(name, value, "an integer")

    def optional_integer(self, name: str) -> int | None:
        """Return an integer or null."""
        value = self.take(name)
        return value if value is None or type(value) is int else _fail(name, value, "an integer or null")

    def boolean(self, name: str) -> bool:
        """Return a boolean."""
        value = self.take(name)
        return value if isinstance(value, bool) else _fail(name, value, "true or false")

    def finish(self) -> None:
        """Make sure that no field is left."""
        if self._left:
            raise ExperimentError(f"{', '.join(map(repr, self._left))}: no field of that name is known")


def _fail(name: str, value: Any, what: str) -> NoReturn:
    raise ExperimentError(f"{name!r} is {value!r:.60}; {what} belongs there")
