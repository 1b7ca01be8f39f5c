# SPDX-License-Identifier: MIT
"""What every routine here promises: swept over lengths, alignments and faults, and judged copy by copy.

`pytest` runs a sample of each sweep, `pytest --emu-sweep full` all of it.
"""

from pathlib import Path
from typing import NamedTuple

import pytest

from emu import Machine
from emu.checks.unwind_data import check_unwind_data
from emu.testing import sweep
from emu.testing.guest import Guest

DESCENDING = f"{Path(__file__).with_name('descending_order.py')}:judge"


class Routine(NamedTuple):
    """A routine of this directory."""

    file: str
    name: str
    judge: str | None = None
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
every_profile = pytest.mark.parametrize("machine", PROFILES, indirect=True)


@every_routine
@every_profile
def test_copies_every_length_at_every_alignment(machine: Machine, guest: Guest, routine: Routine) -> None:
    guest.load(routine.file)
    sweep(
        machine,
        routine.name,
        lengths="0-48,63-65,127-129",
        source_offsets="0,1,7,8,15",
        target_offsets="0-15",
        oracle=routine.judge,
    )


@every_routine
@every_profile
def test_a_fault_at_every_byte(machine: Machine, guest: Guest, routine: Routine) -> None:
    """The page that begins with the byte is without access; so is the one behind the last byte."""
    guest.load(routine.file)
    sweep(
        machine,
        routine.name,
        lengths="0-34,64,100",
        target_offsets="0,1,8",
        faults="none@every-byte",
        oracle=routine.judge,
    )


@every_routine
def test_a_fault_at_the_first_access_to_every_byte(machine: Machine, guest: Guest, routine: Routine) -> None:
    """What was copied before stays, in order."""
    guest.load(routine.file)
    sweep(
        machine,
        routine.name,
        lengths="0-34,64,100",
        source_offsets="0,5",
        target_offsets="0,1",
        faults="none@every-byte,access=1",
        oracle=routine.judge,
    )


@pytest.mark.parametrize("routine", ROUTINES[:-1], ids=str)
def test_other_page_states_at_every_byte(machine: Machine, guest: Guest, routine: Routine) -> None:
    """A paged-out page comes back and the copy goes on; the others raise what they are."""
    guest.load(routine.file)
    states = ("paged-out@every-byte", "guard@every-byte", "in-page-error@every-byte")
    sweep(machine, routine.name, lengths="0-34,64,100", target_offsets="0,1", faults=states)


@pytest.mark.parametrize(
    "routine", [ROUTINES[0]._replace(judge=DESCENDING), ROUTINES[-1]._replace(judge=None)], ids=str
)
def test_the_judges_know_the_orders_apart(machine: Machine, guest: Guest, routine: Routine) -> None:
    guest.load(routine.file)
    with pytest.raises(AssertionError, match="wrong-data"):
        sweep(machine, routine.name, lengths=100, faults="none@every-byte,access=1", oracle=routine.judge)


@every_routine
def test_the_unwind_data_describes_the_code(machine: Machine, guest: Guest, routine: Routine) -> None:
    assert check_unwind_data(guest.load(routine.file).image) == ()
