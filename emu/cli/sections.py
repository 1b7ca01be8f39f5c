# SPDX-License-Identifier: GPL-2.0-or-later
"""What the displays of all calls are put together from."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from emu.kernel.irql import APC_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL, PASSIVE_LEVEL
from emu.profile import Profile

_IRQL_NAMES: Final = {
    PASSIVE_LEVEL: "PASSIVE_LEVEL",
    APC_LEVEL: "APC_LEVEL",
    DISPATCH_LEVEL: "DISPATCH_LEVEL",
    HIGH_LEVEL: "HIGH_LEVEL",
}
_SMAP_WORDS: Final = {"enforce": "SMAP enforced", "permit": "SMAP on, AC set on kernel entry", "off": "no SMAP"}


def section(title: str, subtitle: str, *content: RenderableType) -> RenderableType:
    """Return a heading and what is below it, indented."""
    heading = Table.grid(padding=(0, 2, 0, 0))
    heading.add_row(Text(title, "bold"), subtitle)
    return Group("", heading, Padding(Group(*content), (0, 0, 0, 2)))


def describe_machine(profile: Profile, irql: int) -> str:
    """Return the processor, the policy and the IRQL in one line."""
    level = f"IRQL {irql}"
    if irql in _IRQL_NAMES:
        level += f" ({_IRQL_NAMES[irql]})"
    kernel = ", the kernel's primitives" if profile.kernel_has_primitives else ""
    return f"{profile.cpu}, {_SMAP_WORDS[profile.smap]}{kernel} · {level}"
