# SPDX-License-Identifier: GPL-2.0-or-later
import subprocess
import sys

from emu.accessors import FAMILY, PRIMITIVES


def test_primitives_are_those_of_the_table() -> None:
    assert {name for name, accessor in FAMILY.items() if accessor.family == "primitive"} == PRIMITIVES
    assert {name for name in FAMILY if name.startswith("Rtl")} == PRIMITIVES


def test_a_boot_reads_no_table() -> None:
    code = "import sys; from emu import Machine; Machine().close(); sys.exit('emu.accessors.family' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
