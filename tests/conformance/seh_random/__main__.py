# SPDX-License-Identifier: GPL-2.0-or-later
"""Show the program of one seed, and what it does beside what the model says:
`python -m tests.conformance.seh_random SEED [--target gnu] [--optimize 0] [--shrink]`."""

from __future__ import annotations

import argparse
import sys

from emu import Machine
from emu.toolchain.compilation import OPTIMIZE, TARGETS
from tests.conformance.seh_random.c_source import program_source
from tests.conformance.seh_random.generate import generate
from tests.conformance.seh_random.model import run
from tests.conformance.seh_random.trial import Build, disagreements, shrink


def main() -> int:
    """Run one seed; 1 where model and emulator disagree."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.seh_random", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--target", choices=tuple(TARGETS), default="msvc")
    parser.add_argument("--optimize", choices=OPTIMIZE, default="2")
    parser.add_argument("--shrink", action="store_true", help="leave out what the disagreement does not need")
    given = parser.parse_args()
    program = generate(given.seed, given.target)
    with Machine() as machine:
        found = next(disagreements(machine, {given.seed: program}, Build(given.target, given.optimize)), None)
        if found is None:
            print(program_source(given.seed, program))
            print(*run(program).lines, sep="\n")
            return 0
        print(shrink(machine, found) if given.shrink else found)
    return 1


if __name__ == "__main__":
    sys.exit(main())
