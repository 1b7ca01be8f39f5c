# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
profile_option = click.option(
    "--profile",
    default="skylake-server",
    show_default=True,
    metavar="PROFILE",
    help="CPU model, and what is not the default: nehalem, broadwell,smap=off, epyc,primitives=kernel. "
    "`emu profiles` lists them.",
)
irql_option = click.option(
    "--irql", type=int, default=0, show_default=True, metavar="N", help="IRQL to call at, 0 to 15."
)
image_option = click.option(
    "--image",
    "images",
    multiple=True,
    metavar="FILE",
    help="A file with your own routine: .S .c .obj .lib are built, .sys .dll loaded. May be repeated.",
)
budget_option = click.option(
    "--budget",
    type=int,
    metavar="N",
    help="Blocks that may run, by default 1000000; an iteration of rep counts one.",
)
call_fault_option = click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="A page state at a byte of a memory argument, by its position from 0: none@arg1+37. States: unmapped, none, "
    "ro, guard, paged-out, in-page-error[=STATUS]; with ,access=K from the k-th access on. Also flip=MASK@arg1+3, "
    "skip@cpu,insn=N and others: docs/reference/text-forms.md. May be repeated.",
)
stub_option = click.option(
    "--stub",
    "stubs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A kernel export that only returns a value: ZwClose=0. May be repeated.",
)
checks_option = click.option(
    "--checks",
    metavar="CHECKS",
    help="Check the call: default, all, or names with commas between, -NAME without it. `emu checks` lists them. "
    "Exit status 1 with a finding.",
)
unguarded_option = click.option(
    "--unguarded", is_flag=True, help="Call without an __except around it: what nobody handles bugchecks."
)


def output_option(text: str) -> Callable[[CommandT], CommandT]:
    """Return the option for files to be written, with its help."""
    return click.option("-o", "--output", "outputs", multiple=True, metavar="FILE", help=text)
