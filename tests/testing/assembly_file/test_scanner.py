# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of a directive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import ADDRESS_MASK
from emu.nt.status import NtStatus
from emu.testing.assembly_file.scanner import LOWEST, DirectiveError, Scanner


@given(st.binary())
def test_every_string_of_bytes_can_be_written(content: bytes) -> None:
    text = "".join(f"\\x{byte:02x}" for byte in content)
    assert Scanner(1, f'"{text}"').try_string() == content


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    written = text.replace("\\", "\\\\").replace('"', '\\"')
    scanner = Scanner(1, f'"{written}" then')
    assert scanner.try_string() == text.encode()
    assert scanner.skip("then")


@given(st.integers(LOWEST, ADDRESS_MASK), st.booleans())
def test_numbers(value: int, hexadecimal: bool) -> None:
    text = hex(value) if hexadecimal else str(value)
    assert Scanner(1, f" {text},").number("a number") == value


@given(st.sampled_from(NtStatus))
def test_statuses(status: NtStatus) -> None:
    for text in (f"STATUS_{status.name}", f"0x{status:08X}", str(int(status))):
        assert Scanner(1, text).status() == status


def test_a_word_is_no_part_of_another() -> None:
    assert not Scanner(1, "calls f").skip("call")
    assert not Scanner(1, "at-once").skip("at")
    assert Scanner(1, "at+5").skip("at")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"open', 'the string has no closing `"`'),
        (r'"\q"', r"there is no escape \q; there are \n \r \t \0 \\ \" and \xNN"),
        (r'"\x4"', r"there is no escape \x;"),
    ],
)
def test_strings_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(DirectiveError) as refused:
        Scanner(7, text).try_string()
    assert message in str(refused.value)
    assert refused.value.line == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "at 'x': a count belongs here"),
        ("", "at its end: a count belongs here"),
        ("12a", "a count belongs here"),
        ("-1", "a count lies between 0 and 9"),
        ("10", "a count lies between 0 and 9"),
        ("9" * 5000, "a count lies between 0 and 9"),
    ],
)
def test_numbers_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(DirectiveError) as refused:
        Scanner(1, text).number("a count", 0, 9)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 6000


def test_an_unknown_status_names_the_nearest() -> None:
    with pytest.raises(DirectiveError, match="unknown status; nearest: STATUS_ACCESS_VIOLATION"):
        Scanner(1, "STATUS_ACCES_VIOLATION").status()


def test_what_is_left_over_is_refused_with_what_is_allowed() -> None:
    scanner = Scanner(1, "5 more")
    scanner.number("a number")
    with pytest.raises(DirectiveError, match="at 'more': `then` or the end is allowed here"):
        scanner.end("`then`")
