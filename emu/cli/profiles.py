# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu profiles`: the CPU models, the SMAP policies, and whose primitives the accessors stand on.

With `--json`: {"models": [{"name", "description", "smep", "smap", "erms", "avx", "default"}],
"smap_policies": [{"name", "description", "default"}], "primitives": [{"name", "description", "default"}]}.
"""

from __future__ import annotations

from typing import Any

from emu.cli.output import make_console, show, show_json
from emu.profile import CPU_MODELS, DEFAULT_CPU, PRIMITIVES, SMAP_POLICIES, Profile

_FEATURES = ("smep", "smap", "erms", "avx")


def run_profiles(*, as_json: bool) -> int:
    """Run `emu profiles`; returns the exit status."""
    data = profiles_data()
    if as_json:
        show_json(data)
        return 0
    from rich.table import Table  # noqa: PLC0415 (not needed for --json)
    from rich.text import Text  # noqa: PLC0415

    models = Table.grid(padding=(0, 2, 0, 0))
    models.add_row(*(Text(heading, "bold") for heading in ("CPU model", "", *(name.upper() for name in _FEATURES))))
    for model in data["models"]:
        marks = [Text("yes", "green") if model[feature] else Text("-", "dim") for feature in _FEATURES]
        models.add_row(_named(model), model["description"], *marks)
    settings = Table.grid(padding=(0, 2, 0, 0))
    for title, entries in (("smap=", data["smap_policies"]), ("primitives=", data["primitives"])):
        settings.add_row()
        settings.add_row(Text(title, "bold"), "")
        for entry in entries:
            settings.add_row(_named(entry), entry["description"])
    example = Text("A profile is a model, and what is not the default: epyc,smap=permit,primitives=kernel", "dim")
    show(make_console(), models, settings, "", example)
    return 0


def profiles_data() -> dict[str, list[dict[str, Any]]]:
    """Return what there is to choose from."""
    return {
        "models": [
            {
                "name": name,
                "description": model.description,
                **{feature: getattr(model, feature) for feature in _FEATURES},
                "default": name == DEFAULT_CPU,
            }
            for name, model in CPU_MODELS.items()
        ],
        "smap_policies": [
            {"name": name, "description": description, "default": name == Profile().smap}
            for name, description in SMAP_POLICIES.items()
        ],
        "primitives": [
            {"name": name, "description": description, "default": name == Profile().primitives}
            for name, description in PRIMITIVES.items()
        ],
    }


def _named(entry: dict[str, Any]) -> str:
    return f"{entry['name']} (default)" if entry["default"] else entry["name"]
