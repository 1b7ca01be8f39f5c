# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a command line and turns every mistake into one message and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from emu.cli.app import app
from emu.cli.mistakes import Mistake

STATUS_MISTAKE = 2
STATUS_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `emu` with the given arguments, by default the process's, and return the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status = app.main(args=given or ["--help"], prog_name="emu", standalone_mode=False)
    except Mistake as mistake:
        return _refuse(str(mistake))
    except click.ClickException as error:
        return _refuse(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        print("emu: interrupted", file=sys.stderr)
        return STATUS_INTERRUPTED
    return int(status or 0)


def _refuse(text: str) -> int:
    print(f"emu: {text}", file=sys.stderr)
    return STATUS_MISTAKE
