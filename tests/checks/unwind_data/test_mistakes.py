# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mistake of guest/ is found and named: what is said of it stands in mistakes.txt, reviewed line by line.

A mistake a file: the routine of the file's name runs as if nothing were wrong, and its unwind data is. After a change
of the words, `python -m tests.checks.unwind_data.test_mistakes` writes mistakes.txt anew; read the difference.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from emu import Machine
from emu.checks.unwind_data import Rule, UnwindFinding, check_unwind_data
from emu.image import ImageError, PeImage
from tests.checks.unwind_data.programs import MISTAKES, Build

SOURCES = sorted(MISTAKES.glob("*.S"))
GOLDEN = Path(__file__).parent / "mistakes.txt"

NOT_LOADED = ("overlapping_entries",)
"""No machine loads an image with such a table."""


@functools.cache
def _machine() -> Machine:
    return Machine()


def by_reading(source: Path) -> tuple[UnwindFinding, ...]:
    return check_unwind_data(Build((source,), "msvc", "1").image())


def by_running(source: Path) -> tuple[UnwindFinding, ...]:
    machine = _machine()
    machine.reset()
    try:
        module = machine.load(Build((source,), "msvc", "1").path())
    except ImageError:
        assert source.stem in NOT_LOADED
        return ()
    with machine.prove_unwind_data(module) as proof:
        machine.call(module[source.stem])
    return proof.findings


def report(source: Path) -> Iterator[str]:
    """Say what is found, line by line."""
    comment = itertools.takewhile(
        lambda line: line.startswith("//"), source.read_text(encoding="utf-8").split("\n")[1:]
    )
    yield f"{source.stem}: {' '.join(line.removeprefix('// ') for line in comment)}"
    for how, findings in (("reading", by_reading(source)), ("running", by_running(source))):
        for finding in findings:
            yield f"  {how}: {finding}"


def expected() -> dict[str, list[str]]:
    blocks = GOLDEN.read_text(encoding="utf-8").split("\n\n")
    return {block.partition(":")[0]: block.strip().split("\n") for block in blocks}


def test_there_are_enough_mistakes() -> None:
    assert len(SOURCES) >= 40
    assert expected().keys() == {source.stem for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_mistake_is_found_and_named(source: Path) -> None:
    lines = list(report(source))
    assert len(lines) > 1, "nothing found"
    assert lines == expected()[source.stem]


def test_every_rule_has_a_mistake() -> None:
    found = {finding.rule for source in SOURCES for finding in (*by_reading(source), *by_running(source))}
    assert found == set(Rule)


def _exchanged(data: bytes) -> bytes:
    """Return an image file with the first two entries of its function table exchanged: the linker sorts them."""
    image = PeImage.parse(data, "x.sys")
    table = image.function_table
    at = data.index(table[:24])
    assert data.count(table[:24]) == 1
    return data[:at] + data[at + 12 : at + 24] + data[at : at + 12] + data[at + 24 :]


def test_a_table_out_of_order_is_named() -> None:
    data = _exchanged(Build((MISTAKES / "call_at_the_end.S",), "msvc", "1").path().read_bytes())
    with pytest.raises(ImageError, match="entry 1 = 0x1000"):
        PeImage.parse(data, "x.sys")
    findings = check_unwind_data(PeImage.parse(data, "x.sys", strict_functions=False))
    assert [str(finding) for finding in findings if finding.rule is Rule.TABLE] == [
        "x!call_at_the_end: function-table: function table entry 1 = 0x1000..0x1009: starts below the end 0x100B of "
        "the entry before it"
    ]


if __name__ == "__main__":
    text = "\n\n".join("\n".join(report(source)) for source in SOURCES)
    GOLDEN.write_text(text + "\n", encoding="utf-8")
