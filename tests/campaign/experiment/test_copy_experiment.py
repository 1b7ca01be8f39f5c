# SPDX-License-Identifier: GPL-2.0-or-later
"""One copy experiment: what it gives, where it puts its buffers, and what it does not accept."""

from pathlib import Path

import pytest

from emu.campaign import (
    SOURCE,
    TARGET,
    CopyExperiment,
    ExperimentError,
    File,
    Inline,
    Pattern,
    boundary_offset,
)
from emu.faults import Fault, FaultError, parse_fault
from emu.image import UnknownSymbol
from emu.machine import Machine
from emu.outcome import Bugchecked, Raised, Returned
from emu.testing.guest import Guest

WRONG_IN_EVERY_WAY = """
    .intel_syntax noprefix
    .text
    .globl wrong_copy
wrong_copy:
    mov al, [rdx]
    mov [rcx], al
    xor al, al
    mov [rcx + 1], al
    mov byte ptr [rcx - 1], 0
    mov byte ptr [rdx + 2], 0x55
    ret
"""


def faults(*texts: str) -> tuple[Fault, ...]:
    return tuple(parse_fault(text) for text in texts)


def test_a_clean_copy(machine: Machine) -> None:
    result = CopyExperiment(length=300, source_offset=4000, target_offset=5).run(machine)
    assert isinstance(result.outcome, Returned)
    assert result.clean
    assert result.target == result.content == Pattern(7).read(300)
    assert result.source_address % 4096 == 4000
    assert result.target_address % 4096 == 5
    assert [(row.buffer, row.first, row.last) for row in result.pages] == [("source", 0, 299), ("target", 0, 299)]
    assert [row.pages for row in result.pages] == [2, 1]
    assert result.events == ()


def test_a_fault_at_a_byte(machine: Machine) -> None:
    armed = faults("none@src+77")
    result = CopyExperiment(length=96, source_offset=boundary_offset(armed, SOURCE), faults=armed).run(machine)
    assert isinstance(result.outcome, Raised)
    assert not result.clean
    assert result.outcome.record.fault_address == result.source_address + 77
    assert result.place_of(result.source_address + 77) == ("source", 77)
    assert result.place_of(result.target_address - 1) is None
    assert result.landing.prefix == 77
    assert [run.fate for run in result.landing.runs] == ["landed", "untouched"]
    assert [(row.first, row.last, row.before.state) for row in result.pages[:2]] == [
        (0, 76, "resident"),
        (77, 95, "none"),
    ]


def test_a_page_in_is_seen_in_the_pages(machine: Machine) -> None:
    result = CopyExperiment(faults=faults("paged-out@src+0")).run(machine)
    assert result.clean
    assert (result.pages[0].before.state, result.pages[0].after.state) == ("paged-out", "resident")


def test_a_fault_in_the_target_is_a_bugcheck(machine: Machine) -> None:
    armed = faults("ro@dst+10")
    result = CopyExperiment(target_offset=boundary_offset(armed, TARGET), faults=armed).run(machine)
    assert isinstance(result.outcome, Bugchecked)
    assert result.outcome.parameters[0] == result.target_address + 10
    assert result.landing.prefix <= 10
    assert result.landing.damage == ()


def test_what_a_broken_routine_did_is_found(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build_text(WRONG_IN_EVERY_WAY))
    result = CopyExperiment("wrong_copy", length=8, profile=machine.profile).run(machine)
    assert isinstance(result.outcome, Bugchecked), "the profile enforces SMAP"


@pytest.mark.parametrize("machine", ["nehalem"], indirect=True)
def test_wrong_bytes_damage_and_a_changed_source_are_found(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build_text(WRONG_IN_EVERY_WAY))
    result = CopyExperiment("wrong_copy", length=8, profile=machine.profile).run(machine)
    assert isinstance(result.outcome, Returned)
    assert [(run.first, run.length, run.fate) for run in result.landing.runs] == [
        (0, 1, "landed"),
        (1, 1, "wrong"),
        (2, 6, "untouched"),
    ]
    assert result.landing.damage == (-1,)
    assert result.source != result.content
    assert not result.clean


def test_a_result_is_the_same_whatever_ran_before(machine: Machine) -> None:
    experiment = CopyExperiment(faults=faults("none@src+0"))
    first = experiment.run(machine)
    machine.reset()
    CopyExperiment(faults=faults("none@dst+0")).run(machine)
    machine.reset()
    again = experiment.run(machine)
    assert (first.outcome, first.events, first.landing, first.pages) == (
        again.outcome,
        again.events,
        again.landing,
        again.pages,
    )


@pytest.mark.parametrize("offset", [0, 1, 37, 4095, 4096, 5000])
def test_the_first_fault_in_a_buffer_puts_its_byte_on_a_page_boundary(offset: int) -> None:
    armed = faults("none@dst+3", f"none@src+{offset}", "none@src+9")
    assert (boundary_offset(armed, SOURCE) + offset) % 4096 == 0
    assert boundary_offset(armed, TARGET) == 4093
    assert boundary_offset((), SOURCE) == 0


@pytest.mark.parametrize(
    ("offset", "texts", "notes"),
    [
        (4059, ["none@src+37"], []),
        (0, ["none@src+0"], []),
        (
            0,
            ["none@src+37"],
            [
                "byte 37 of the source shares its page with bytes 0 to 36, which fault first; "
                "leave out --source-offset to put a page boundary there"
            ],
        ),
        (
            4059,
            ["none@src+37", "paged-out@src+39"],
            ["byte 39 of the source shares its page with bytes 37 to 38, which get the same state"],
        ),
        (
            4059,
            ["none@src+37", "guard@src+38"],
            ["byte 38 of the source shares its page with byte 37, which faults first"],
        ),
    ],
)
def test_a_byte_inside_a_page_is_noted(offset: int, texts: list[str], notes: list[str]) -> None:
    assert list(CopyExperiment(source_offset=offset, faults=faults(*texts)).notes) == notes


def test_data_is_a_pattern_bytes_or_a_file(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"from a file")
    assert CopyExperiment(length=4, data=File(str(path))).run(machine).target == b"from"
    assert CopyExperiment(length=4, data=Inline(b"given")).run(machine).target == b"give"
    assert Pattern(7).read(100)[:10] == Pattern(7).read(10) != Pattern(8).read(10)


@pytest.mark.parametrize(
    ("experiment", "error", "says"),
    [
        (CopyExperiment(length=10, data=Inline(b"short")), ExperimentError, "length 10 is more than the data has"),
        (CopyExperiment(length=10**12), ExperimentError, "guest RAM has 64 MiB"),
        (CopyExperiment(length=1, data=File("no such file")), FileNotFoundError, "no such file"),
        (CopyExperiment("CopyFromUsr"), UnknownSymbol, "CopyFromUser"),
        (CopyExperiment(faults=faults("flip=1@CopyFromUsr+0")), FaultError, "no buffer 'CopyFromUsr'.* no such symbol"),
        (CopyExperiment(images=("no_such.S",)), Exception, "no_such.S: no such file"),
    ],
)
def test_what_cannot_be_run_says_why(experiment: CopyExperiment, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        experiment.run()


def test_a_bit_of_the_code_flips_by_its_symbol(machine: Machine) -> None:
    # `pushfq`, 9C, becomes `popfq`, 9D, which pops a flag that traps.
    result = CopyExperiment(faults=faults("flip=1@CopyFromUser+19")).run(machine)
    assert isinstance(result.outcome, Bugchecked)
    assert result.outcome.parameters[0] == 0x80000004


def test_a_machine_of_another_profile_is_refused(machine: Machine) -> None:
    with pytest.raises(ExperimentError, match="nehalem"):
        CopyExperiment().run(Machine("nehalem"))


def test_images_that_lack_the_routine_are_refused(guest: Guest) -> None:
    image = guest.build_text(WRONG_IN_EVERY_WAY)
    with pytest.raises(ExperimentError, match="has a routine 'CopyFromUser'; exported: wrong_copy"):
        CopyExperiment(images=(str(image),)).run()
    assert CopyExperiment("wrong_copy", images=(str(image),)).run().experiment.images == (str(image),)


@pytest.mark.parametrize("buffer", [SOURCE, TARGET])
@pytest.mark.parametrize("length", [0, 8])
def test_a_fault_may_be_at_the_byte_behind_the_last_one_and_no_further(length: int, buffer: str) -> None:
    behind = faults(f"none@{buffer}+{length}")
    assert CopyExperiment(length=length, faults=behind).faults == behind
    with pytest.raises(ExperimentError, match=f"a length of {length + 1} or more, or a byte up to {length}$"):
        CopyExperiment(length=length, faults=faults(f"none@{buffer}+{length + 1}"))


@pytest.mark.parametrize("fault", ["flip=0x80@src+3", "flip=0x80@src+3,access=1", "flip=0x80@src+3,access=2"])
def test_bits_that_a_fault_flips_are_no_mistake_of_the_copy(fault: str) -> None:
    result = CopyExperiment(length=16, faults=(parse_fault(fault),)).run()
    assert result.clean
    assert result.landing.complete
    assert not result.source_written
    flipped = fault != "flip=0x80@src+3,access=2"
    assert (result.target[3] ^ result.content[3], result.source != result.content) == (0x80 * flipped, flipped)
