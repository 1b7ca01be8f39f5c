# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu checks`: what each check proves, what it cannot see, and what it costs.

With `--json`: {"checks": [{"name", "default", "summary", "proves", "cannot_see", "cost"}]}.
"""

from __future__ import annotations

from emu.cli.mistakes import mistakes_reported
from emu.cli.output import make_console, show, show_json


def run_checks(names: tuple[str, ...], *, as_json: bool) -> int:
    """Run `emu checks`; returns the exit status."""
    from emu.checks.registry import describe_checks  # noqa: PLC0415

    with mistakes_reported():
        described = describe_checks(names or None)
    if as_json:
        show_json({"checks": [each._asdict() for each in described]})
        return 0
    from rich.padding import Padding  # noqa: PLC0415 (not needed for --json)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    for number, each in enumerate(described):
        heading = Text.assemble((each.name, "bold cyan"), "  default" if each.default else "")
        parts = Table.grid(padding=(0, 2, 0, 0))
        for title, text in (("Proves", each.proves), ("Cannot see", each.cannot_see), ("Cost", each.cost)):
            if text:
                parts.add_row(Text(title, "dim"), text)
        show(
            make_console(), *([""] if number else []), heading, Text(f"  {each.summary}"), Padding(parts, (0, 0, 0, 2))
        )
    if not names:
        show(make_console(), "", Text("--checks default,-irql or --checks irql,overlap; more: other packages", "dim"))
    return 0
