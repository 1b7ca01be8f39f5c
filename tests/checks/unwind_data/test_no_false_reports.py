# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is reported that is right: the system's images, all guest sources, compiled code at every level."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Machine
from emu.checks.unwind_data import check_unwind_data
from emu.image import PeImage
from tests.checks.unwind_data.programs import (
    CONFORMANCE,
    KNOWN,
    RIGHT,
    SYSTEM_IMAGES,
    WRONG_ON_PURPOSE,
    Build,
    builds,
    guest_sources,
    unexplained,
    unexplained_by_reading,
)

RIGHT_BUILDS = builds([(path,) for path in sorted(RIGHT.glob("*.S"))])
PROGRAMS = [group for group in guest_sources() if group[0].parent == CONFORMANCE]
OTHERS = [group for group in guest_sources() if group not in PROGRAMS and group[0].stem not in WRONG_ON_PURPOSE]
ALL = [*builds(OTHERS), *builds(PROGRAMS)]
SAMPLE = [*builds(PROGRAMS[::12], ("0", "2"))]


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize("path", SYSTEM_IMAGES, ids=lambda path: path.name)
def test_the_systems_images_are_right(path: Path) -> None:
    image = PeImage.parse(path.read_bytes(), path.name)
    assert len(image.functions) > 0
    assert check_unwind_data(image) == ()


@pytest.mark.parametrize("build", RIGHT_BUILDS, ids=str)
def test_what_is_right_is_not_reported(machine: Machine, build: Build) -> None:
    assert unexplained_by_reading(build) == []
    machine.reset()
    module = machine.load(build.path())
    with machine.prove_unwind_data(module) as proof:
        for argument in (0, 1, 7):
            machine.call(module[build.name], argument)
    assert proof.findings == ()
    assert proof.coverage.not_reached == ()


def run(machine: Machine, build: Build) -> list[str]:
    """Check a program by reading and by running, and return what nobody has explained."""
    machine.reset()
    module = machine.load(build.path())
    with machine.prove_unwind_data(module) as proof:
        machine.call(module[build.name])
    assert proof.coverage.stops > 0
    return [*unexplained_by_reading(build), *unexplained(proof.findings)]


@pytest.mark.parametrize("build", SAMPLE, ids=str)
def test_some_programs_have_no_false_report(machine: Machine, build: Build) -> None:
    assert run(machine, build) == []


@pytest.mark.sweep
@pytest.mark.parametrize("build", builds(PROGRAMS), ids=str)
def test_no_program_has_a_false_report(machine: Machine, build: Build) -> None:
    assert run(machine, build) == []


@pytest.mark.sweep
@pytest.mark.parametrize("build", builds(OTHERS), ids=str)
def test_no_guest_source_has_a_false_report(build: Build) -> None:
    assert unexplained_by_reading(build) == []


def test_every_reason_is_of_a_source_that_is_there() -> None:
    """A reason that explains nothing any more would hide what comes."""
    names = {path.stem for group in guest_sources() for path in group}
    assert set(KNOWN) <= names
    assert all(len(reason) > 10 for functions in KNOWN.values() for reason in functions.values())
