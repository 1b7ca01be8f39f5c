# SPDX-License-Identifier: GPL-2.0-or-later
"""A long block of nothing but certain instructions crashes the engine (Unicorn 2.1.4), and so the process.

Their translation takes places that a block has 512 of and gives none back: x87 instructions two, SSE instructions with
an immediate (pshufd, palignr, pclmulqdq, ...) and crc32 one. A block has 512 instructions at most, so it takes one of
hardly anything else. Nothing tells before a block is translated; not worked round.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from unicorn import UC_ARCH_X86, UC_MODE_64, Uc
code = bytes.fromhex(sys.argv[1]) * int(sys.argv[2]) + b"\\xf4"
engine = Uc(UC_ARCH_X86, UC_MODE_64)
engine.mem_map(0x1000, 0x2000)
engine.mem_write(0x1000, code)
engine.emu_start(0x1000, 0x1000 + len(code))
"""


FADD, PSHUFD, CRC32 = "d8c1", "660f70c01b", "f2480f38f1c0"


@pytest.mark.parametrize(
    ("instruction", "count", "survives"),
    [(FADD, 200, True), (FADD, 260, False), (PSHUFD, 440, True), (PSHUFD, 500, False), (CRC32, 500, False)],
)
def test_the_engine_survives_so_many(instruction: str, count: int, survives: bool) -> None:
    """Fails on the day the engine is mended: then the loader's fuzz target may call every image again."""
    command = [sys.executable, "-c", PROGRAM, instruction, str(count)]
    assert (subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0) is survives
