# SPDX-License-Identifier: GPL-2.0-or-later
"""The header declares the names of the table, with their signatures, and no other."""

import re
from pathlib import Path

import pytest

from emu.accessors import FAMILY
from emu.toolchain.compiler import ToolFailed
from tests.guest.header.compilation import HEADER, HEADERS, LANGUAGES, Configuration, compile_text, preprocess
from tests.guest.header.macros import MACROS, Function, source_text

BARE = Configuration(headers="compiler")

_SAME_TYPE = """\
template <typename Type, typename Other> struct SameType { static constexpr bool Value = false; };
template <typename Type> struct SameType<Type, Type> { static constexpr bool Value = true; };
"""


def test_declares_the_names_of_the_family_and_no_other(tmp_path: Path) -> None:
    text = preprocess("#include <usermode_accessors.h>\n", tmp_path / "header.i", BARE)
    of_header = "".join(re.split(r'(?m)^# \d+ "', text.replace("\\\n", " "))[1:])
    functions = set(re.findall(r"(?m)^\w[\w *]*?\b(\w+)\([^()]*\);$", of_header))
    macros = set(re.findall(r"(?m)^#define (\w+)\(", of_header)) & set(re.findall(r"(?m)^#define (\w+)\(", _header()))
    declared = {name for name in functions | macros if not name.lower().startswith(("uma_", "umaprobe"))}
    assert declared - {"ExRaiseDatatypeMisalignment"} == set(FAMILY)
    assert {name for name, accessor in FAMILY.items() if accessor.kind == "macro"} == macros & set(FAMILY)


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_function_has_its_signature(tmp_path: Path, language: str, headers: str) -> None:
    configuration = Configuration(language, headers=headers)
    compile_text(_assertions(language), tmp_path / "signatures.obj", configuration)


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_signature_would_be_seen(tmp_path: Path, language: str) -> None:
    text = _assertions(language).replace("(volatile VOID *, UCHAR, SIZE_T)", "(volatile VOID *, SIZE_T, UCHAR)")
    assert text != _assertions(language)
    with pytest.raises(ToolFailed, match="SetUserMemory") as caught:
        compile_text(text, tmp_path / "signatures.obj", BARE._replace(language=language))
    assert "RtlSetUserMemory" in str(caught.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_macro_has_its_parameters(tmp_path: Path, language: str) -> None:
    """One argument less, or one more, is no use of it."""
    uses = [
        Function(f"Test{number}{accessor.name}", f"{accessor.name}({', '.join('0' * number)});")
        for accessor in MACROS
        for number in (len(accessor.parameters) - 1, len(accessor.parameters) + 1)
    ]
    with pytest.raises(ToolFailed) as caught:
        compile_text(source_text(uses)[0], tmp_path / "uses.obj", BARE._replace(language=language), "-ferror-limit=0")
    for message in ("too few arguments provided to", "too many arguments provided to"):
        assert str(caught.value).count(f"{message} function-like macro invocation") == len(MACROS)


def test_says_of_a_name_what_the_table_says() -> None:
    """One text about a name, wherever it is read."""
    documented = dict.fromkeys(FAMILY, "")
    for comment, name in re.findall(r"/\*\*((?:(?!\*/).)*)\*/\n(?:#define |\w+ )(\w+)\(", _header(), re.DOTALL):
        documented[name] = " ".join(comment.replace("\n *", " ").split())
    assert documented == {name: accessor.summary for name, accessor in FAMILY.items()}


def test_gives_parameters_in_the_order_of_the_table() -> None:
    """Their names, too: they are what an editor shows."""
    header = " ".join(_header().split()).replace("( ", "(")
    for accessor in FAMILY.values():
        beginning = "#define " if accessor.kind == "macro" else ""
        assert f"{beginning}{accessor.signature}" in header, accessor.name


def _header() -> str:
    return HEADER.read_text(encoding="utf-8")


def _assertions(language: str) -> str:
    """Return a source that compiles only where each function has the type that the table gives it."""
    lines = ["#include <usermode_accessors.h>", *([_SAME_TYPE] if language == "c++17" else [])]
    for accessor in FAMILY.values():
        if accessor.kind == "function":
            types = ", ".join(parameter.type.replace("*", " *") for parameter in accessor.parameters)
            wanted = f"{accessor.returns} (*)({types})"
            if language == "c++17":
                condition = f"SameType<decltype(&{accessor.name}), {wanted}>::Value"
                lines.append(f'static_assert({condition}, "{accessor.name}");')
            else:
                condition = f"__builtin_types_compatible_p(__typeof__(&{accessor.name}), {wanted})"
                lines.append(f'_Static_assert({condition}, "{accessor.name}");')
    return "\n".join([*lines, ""])
