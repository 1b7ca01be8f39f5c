# SPDX-License-Identifier: MIT
"""What every routine here promises: swept over lengths, alignments and faults, and judged copy by copy."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from emu import Machine, Profile
from emu.campaign import format_replay_id
from emu.campaign.axis import Axis
from emu.campaign.copy_sweep import CopySweep
from emu.campaign.fault_template import parse_fault_choices
from emu.campaign.laboratory import CopyLaboratory
from emu.campaign.oracle import judge_copy, load_oracle
from emu.campaign.verdict import CORRECT
from emu.checks.unwind_data import check_unwind_data
from emu.pytest_plugin import Guest

HERE = Path(__file__).parent
DESCENDING = f"{HERE / 'descending_order.py'}:judge"


class Routine(NamedTuple):
    """A routine of this directory."""

    file: str
    name: str
    judge: str = ""
    """Who judges it, where the order is not ascending."""

    def __str__(self) -> str:
        return self.name


ROUTINES = (
    Routine("byte_loop.S", "copy_bytes"),
    Routine("rep_movsb.S", "copy_rep"),
    Routine("overlapped_sse.S", "copy_sse"),
    Routine("non_temporal.S", "copy_streaming"),
    Routine("backwards.S", "copy_backwards", DESCENDING),
)
PROFILES = ("nehalem", "skylake-server", "skylake-server,smap=permit")
"""No SMAP; SMAP, and a caller without a window; SMAP, and a caller who has one."""

every_routine = pytest.mark.parametrize("routine", ROUTINES, ids=str)
every_profile = pytest.mark.parametrize("profile", PROFILES)


def complaints(routine: Routine, profile: str, lengths: str, source: str, target: str, faults: str) -> list[str]:
    """Sweep, and return what is wrong with each copy that is not correct."""
    sweep = CopySweep(
        routine=routine.name,
        images=(str(HERE / routine.file),),
        profiles=(Profile.parse(profile),),
        lengths=Axis.parse(lengths, "lengths"),
        source_offsets=Axis.parse(source, "source offsets"),
        target_offsets=Axis.parse(target, "target offsets"),
        faults=tuple(parse_fault_choices([faults])),
    )
    judge = load_oracle(routine.judge) if routine.judge else judge_copy
    with closing(CopyLaboratory(sweep.routine, sweep.images)) as laboratory:
        verdicts = [(number, laboratory.judge(sweep.case(number), judge)) for number in sweep.numbers()]
    return [
        f"{verdict.detail}: emu replay {format_replay_id(sweep.experiment(number))}"
        for number, verdict in verdicts
        if verdict != CORRECT
    ]


@every_routine
@every_profile
def test_copies_every_length_at_every_alignment(routine: Routine, profile: str) -> None:
    assert not complaints(routine, profile, "0-48,63-65,127-129", "0,1,7,8,15", "0-15", "")


@every_routine
@every_profile
def test_a_fault_at_every_byte(routine: Routine, profile: str) -> None:
    """The page that begins with the byte is without access; so is the one behind the last byte."""
    assert not complaints(routine, profile, "0-34,64,100", "0", "0,1,8", "none@every-byte")


@every_routine
def test_a_fault_at_the_first_access_to_every_byte(routine: Routine) -> None:
    """What was copied before stays, in order."""
    assert not complaints(routine, "skylake-server", "0-34,64,100", "0,5", "0,1", "none@every-byte,access=1")


@pytest.mark.parametrize("routine", ROUTINES[:-1], ids=str)
def test_other_page_states_at_every_byte(routine: Routine) -> None:
    """A paged-out page comes back and the copy goes on; the others raise what they are."""
    states = "paged-out@every-byte,guard@every-byte,in-page-error@every-byte"
    assert not complaints(routine, "skylake-server", "0-34,64,100", "0", "0,1", states)


def test_the_judges_know_the_orders_apart() -> None:
    ascending, descending = ROUTINES[0], ROUTINES[-1]
    for routine in (ascending._replace(judge=DESCENDING), descending._replace(judge="")):
        assert complaints(routine, "skylake-server", "100", "0", "0", "none@every-byte,access=1"), routine


@every_routine
def test_the_unwind_data_describes_the_code(routine: Routine, machine: Machine, guest: Guest) -> None:
    assert check_unwind_data(machine.load(guest.build(routine.file)).image) == ()
