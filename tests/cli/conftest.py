# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu`: a command run in this process, on a terminal of 100 columns without colours."""

import pytest

from emu.cli import main
from tests.cli.command_line import Emu, Ran


@pytest.fixture
def emu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Emu:
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ran:
        status = main(arguments)
        return Ran(status, *capsys.readouterr())

    return run
