# SPDX-License-Identifier: GPL-2.0-or-later
"""A block of very many x87 instructions crashes the engine (Unicorn 2.1.4), and so the process. Not worked round."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from unicorn import UC_ARCH_X86, UC_MODE_64, Uc
code = b"\\xdf\\xdf" * int(sys.argv[1]) + b"\\xf4"
engine = Uc(UC_ARCH_X86, UC_MODE_64)
engine.mem_map(0x1000, 0x2000)
engine.mem_write(0x1000, code)
engine.emu_start(0x1000, 0x1000 + len(code))
"""


@pytest.mark.parametrize(("instructions", "survives"), [(200, True), (500, False)])
def test_the_engine_survives_so_many(instructions: int, survives: bool) -> None:
    """Fails on the day the engine is mended: then the loader's fuzz target may call every image again."""
    command = [sys.executable, "-c", PROGRAM, str(instructions)]
    assert (subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0) is survives
