# SPDX-License-Identifier: GPL-2.0-or-later
"""What a compiler says of the header's macros: nothing where they are used well, an error where they are not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from emu.accessors import Accessor
from emu.toolchain.compiler import ToolFailed
from tests.guest.header.compilation import LANGUAGES, Configuration, compile_text
from tests.guest.header.macros import MACROS, Function, is_aligned, source_text, use


class Refused(NamedTuple):
    """A statement that does not compile, and what the compiler says of it."""

    statement: str
    message: str


def _uses(accessor: Accessor) -> Iterator[str]:
    """Give uses that compile without a warning."""
    plain = use(accessor)
    yield plain
    yield f"if (Length) {plain} else {plain}"
    yield use(accessor, Source="Source++", Destination="Destination++", Length="Length++")
    if accessor.name.startswith("Read") or "From" in accessor.name:
        yield use(accessor, Source="(const volatile RECORD *)Source")
    if accessor.name.startswith("Write"):
        yield use(accessor, Destination="(volatile RECORD *)Destination", Source="(const RECORD *)Source")
    if "Struct" in accessor.name:
        yield use(accessor, Destination="&Destination->Numbers[1]", Source="Source->Numbers")
        yield use(accessor, Destination="&Destination->Numbers", Source="&Source->Numbers")
    if accessor.takes_mode:
        yield use(accessor, Mode="UserMode")
        yield use(accessor, Mode="KernelMode")
    if is_aligned(accessor):
        for alignment in ("1", "2", "4096", "sizeof(PVOID)", "Length"):
            yield use(accessor, Alignment=alignment)


def _refused(accessor: Accessor) -> Iterator[Refused]:
    """Give uses that are mistakes."""
    yield Refused(f"Length = {use(accessor)}", "expected expression")
    yield Refused(use(accessor, Source="Length"), "incompatible integer|invalid operands|cannot initialize|no matching")
    constant = use(accessor, Destination="(const RECORD *)Destination")
    yield Refused(constant, "discards qualifiers|no matching function|cannot initialize")
    if "Struct" in accessor.name:
        for source in ("(ULONG *)Source", "(VOID *)Source"):
            yield Refused(use(accessor, Source=source), "not pointers to compatible types")
        yield Refused(
            use(accessor, Destination="(VOID *)Destination", Source="(VOID *)Source"),
            "the same complete type|arithmetic on pointers to void",
        )
        incomplete = {each: f"(struct INCOMPLETE *){each}" for each in ("Destination", "Source")}
        yield Refused(use(accessor, **incomplete), "incomplete type")
    if is_aligned(accessor):
        for alignment in ("0", "3", "24", "sizeof(RECORD)"):
            yield Refused(use(accessor, Alignment=alignment), "Alignment must be a power of two")
        if accessor.takes_mode:
            yield Refused(use(accessor, Mode="8", Alignment="Mode"), "Mode must be KernelMode or UserMode")


@pytest.mark.parametrize("headers", ["compiler", "ddk"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_good_uses_compile_without_a_warning(tmp_path: Path, language: str, headers: str) -> None:
    statements = [statement for accessor in MACROS for statement in _uses(accessor)]
    text, _ = source_text([Function(f"Test{number}", each) for number, each in enumerate(statements)])
    compile_text(text, tmp_path / "macros.obj", Configuration(language, headers=headers))


@pytest.mark.parametrize("language", LANGUAGES)
def test_mistakes_do_not_compile(tmp_path: Path, language: str) -> None:
    refused = [each for accessor in MACROS for each in _refused(accessor)]
    text, first = source_text([Function(f"Test{number}", each.statement) for number, each in enumerate(refused)])
    configuration = Configuration(language, headers="compiler")
    with pytest.raises(ToolFailed) as caught:
        compile_text(text, tmp_path / "macros.obj", configuration, "-ferror-limit=0")
    errors: dict[int, str] = {}
    for line, message in re.findall(r"(?m)^macros\.\w+:(\d+):\d+: error: (.*)$", str(caught.value)):
        errors[int(line)] = f"{errors.get(int(line), '')}{message}\n"
    assert set(errors) == set(range(first, first + len(refused)))
    for line, each in enumerate(refused, first):
        assert re.search(each.message, errors[line]), f"{each.statement}: {errors[line]}"
