# SPDX-License-Identifier: GPL-2.0-or-later
"""What the header's macros do: they evaluate each argument once, probe the alignment, and copy."""

from pathlib import Path

import pytest

from emu import Machine, NtStatus, Raised, Returned, build_guest
from emu.accessors import Accessor
from emu.outcome import Outcome
from tests.guest.header.compilation import LANGUAGES, Configuration, compile_text
from tests.guest.header.macros import MACROS, RECORD_SIZE, Function, is_aligned, source_text, use

KERNEL_MODE, USER_MODE = 0, 1
MODES = (USER_MODE, KERNEL_MODE)
DATA = bytes(range(1, RECORD_SIZE + 1))
UNTOUCHED = b"\xcc"
MOST_ARGUMENTS = 5

_COUNTED = """\
static RECORD *CountedRecord(ULONG *Count, RECORD *Value) { ++*Count; return Value; }
static SIZE_T CountedNumber(ULONG *Count, SIZE_T Value) { ++*Count; return Value; }
static KPROCESSOR_MODE CountedMode(ULONG *Count, KPROCESSOR_MODE Value) { ++*Count; return Value; }
"""


def _counted(accessor: Accessor) -> str:
    kinds = {"Destination": "Record", "Source": "Record", "Mode": "Mode"}
    names = [parameter.name for parameter in accessor.parameters]
    return use(accessor, **{
        name: f"Counted{kinds.get(name, 'Number')}(&Counts[{index}], {name})" for index, name in enumerate(names)
    })  # fmt: skip


class Use:
    """A use of a macro in one machine: a record on each side, and how often each argument was evaluated."""

    def __init__(self, machine: Machine, accessor: Accessor, mode: int, offset: int = 0) -> None:
        self._machine, self._accessor, self._mode = machine, accessor, mode
        accessed = machine.kernel if accessor.takes_mode and mode == KERNEL_MODE else machine.user
        writes = accessor.name.startswith("Write")
        self._source = (machine.kernel if writes else accessed).alloc(DATA, offset=0 if writes else offset)
        target_offset = offset if writes else 0
        self._target = (accessed if writes else machine.kernel).alloc(UNTOUCHED * RECORD_SIZE, offset=target_offset)
        self._counts = machine.kernel.alloc(4 * MOST_ARGUMENTS)

    def call(self, length: int = RECORD_SIZE, alignment: int = 8) -> Outcome:
        return self._machine.call(
            f"Use{self._accessor.name}", self._target, self._source, length, alignment, self._mode, self._counts
        )

    @property
    def target(self) -> bytes:
        return self._target.read()

    @property
    def counts(self) -> list[int]:
        counts = memoryview(self._counts.read()).cast("I").tolist()
        return counts[: len(self._accessor.parameters)]


def _load(machine: Machine, directory: Path, language: str) -> None:
    """Load a driver with a function for each macro."""
    functions = [Function(f"Use{accessor.name}", _counted(accessor)) for accessor in MACROS]
    text, _ = source_text(functions, _COUNTED)
    compile_text(text, directory / "macros.obj", Configuration(language, headers="compiler", optimization="-O2"))
    machine.load(build_guest(directory / "macros.obj"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_copies_and_evaluates_each_argument_once(machine: Machine, tmp_path: Path, language: str) -> None:
    _load(machine, tmp_path, language)
    for accessor in MACROS:
        for mode in MODES:
            used = Use(machine, accessor, mode)
            assert type(used.call()) is Returned
            assert used.target == DATA, accessor.name
            assert set(used.counts) == {1}, accessor.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_probes_the_alignment_of_user_memory_only(machine: Machine, tmp_path: Path, language: str) -> None:
    """Before any access, where the name ends in Aligned and Mode is not KernelMode."""
    _load(machine, tmp_path, language)
    for accessor in MACROS:
        for mode in MODES:
            probes = is_aligned(accessor) and (mode == USER_MODE or not accessor.takes_mode)
            for alignment, offset in ((1, 1), (2, 1), (2, 2), (4, 2), (8, 4), (8, 8), (16, 8), (4096, 2048)):
                used = Use(machine, accessor, mode, offset)
                outcome = used.call(alignment=alignment)
                if probes and offset % alignment:
                    assert type(outcome) is Raised
                    assert outcome.record.code == NtStatus.DATATYPE_MISALIGNMENT
                    assert used.target == UNTOUCHED * RECORD_SIZE
                else:
                    assert type(outcome) is Returned
                    assert used.target == DATA, accessor.name


def test_a_length_of_0_is_not_probed(machine: Machine, tmp_path: Path) -> None:
    _load(machine, tmp_path, "c11")
    for accessor in MACROS:
        if any(parameter.name == "Length" for parameter in accessor.parameters):
            used = Use(machine, accessor, USER_MODE, 1)
            assert type(used.call(length=0)) is Returned
            assert used.target == UNTOUCHED * RECORD_SIZE
