# SPDX-License-Identifier: GPL-2.0-or-later
"""The pieces of a content, and the bytes that they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.content import Pattern
from emu.testing.assembly_file.content import PIECES, resolve, scan_content
from emu.testing.assembly_file.model import Allocate, Number, Value
from emu.testing.assembly_file.scanner import DirectiveError, Scanner
from emu.testing.assembly_file.scope import Scope

HELD = bytes(range(16))
QWORDS = b"".join(value.to_bytes(8, "little") for value in (0x1000, 0x1008, 0x1000, 2**64 - 1))


def scope() -> Scope:
    """Return a scope with a buffer of 16 bytes."""
    made = Scope(frozenset({"my_copy"}))
    made.buffers["src"] = Allocate("user", "src", (), 16, None)
    return made


def address_of(value: Value) -> int:
    """Place every buffer and symbol at 0x1000."""
    return value.value if isinstance(value, Number) else 0x1000 + value.offset


def read(text: str, room: int | None = None) -> bytes:
    """Return the bytes that a content is."""
    scanner = Scanner(1, text)
    pieces, size = scan_content(scanner, scope(), room)
    scanner.end()
    content = resolve(pieces, {"src": HELD}, address_of)
    assert len(content) == size
    return content


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ('"hé\\0"', "hé\0".encode()),
        ("hex 48 8B 01", bytes.fromhex("488b01")),
        ("byte 1 255 -1", b"\x01\xff\xff"),
        ("word 0x1234 -2", b"\x34\x12\xfe\xff"),
        ("dword 1", b"\x01\0\0\0"),
        ("qword src src+8 my_copy -1", QWORDS),
        ("zeroes 3", bytes(3)),
        ("poison 2", b"\xcc\xcc"),
        ("pattern 5", Pattern().read(5)),
        ("pattern 5 seed 9", Pattern(9).read(5)),
        ("src", HELD),
        ("src[2:5]", HELD[2:5]),
        ("src[:5] then src[14:]", HELD[:5] + HELD[14:]),
        ('"ab" then hex 00 then byte 7', b"ab\0\x07"),
        ("zeroes 0", b""),
    ],
)  # fmt: skip
def test_pieces(text: str, content: bytes) -> None:
    assert read(text) == content
    assert read(text, len(content)) == content


@pytest.mark.parametrize(
    ("text", "content"),
    [("poison", b"\xcc" * 8), ('"abc" then poison', b"abc" + b"\xcc" * 5), ("src[0:8] then zeroes", HELD[:8])],
)
def test_the_last_piece_takes_what_is_left(text: str, content: bytes) -> None:
    assert read(text, 8) == content


PIECE = st.one_of(
    st.integers(0, 40).map("zeroes {}".format),
    st.integers(0, 40).map("poison {}".format),
    st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda both: f"pattern {both[0]} seed {both[1]}"),
    st.binary(min_size=1, max_size=20).map(lambda content: f"hex {content.hex(' ')}"),
    st.lists(st.integers(-(1 << 15), 0xFFFF), min_size=1, max_size=5).map(
        lambda all_: f"word {' '.join(map(str, all_))}"
    ),
    st.tuples(st.integers(0, 16), st.integers(0, 16)).map(lambda both: f"src[{min(both)}:{max(both)}]"),
)


@given(st.lists(PIECE, min_size=1, max_size=5), st.integers(0, 30))
def test_pieces_stand_behind_one_another(pieces: list[str], more: int) -> None:
    content = b"".join(map(read, pieces))
    assert read(" then ".join(pieces)) == content
    assert read(" then ".join((*pieces, "poison")), len(content) + more) == content + b"\xcc" * more


@pytest.mark.parametrize(
    ("text", "room", "message"),
    [
        ("64", None, "a content belongs here: \"TEXT\", hex BB BB …"),
        ("poison", None, "a size belongs here, as in poison 64"),
        ("poison -1", None, "a size lies between 0 and 16777216"),
        ("poison 99999999", None, "a size lies between"),
        ("poison 16777216 then zeroes 1", None, "16777217 bytes are too many"),
        ("hex", None, "bytes in hexadecimal belong here, two digits each"),
        ("hex 4", None, "bytes in hexadecimal belong here"),
        ("byte", None, "at least one number belongs here"),
        ("byte 256", None, "a byte has 8 bits"),
        ("dword src", None, "an address needs qword, not dword"),
        ("qword nobody", None, "there is no buffer 'nobody' in this test, and no symbol 'nobody' in this file"),
        ("src[5:2]", None, "the byte of src behind the last or `]` lies between 5 and 16"),
        ("src[17:]", None, "the first byte of src or `:` lies between 0 and 16"),
        ("poison then zeroes 4", 8, "only the last piece takes what is left"),
        ('"abc"', 8, "3 bytes for the 8 that are asked about; name fewer of them, as NAME[0:5], or end"),
        ("zeroes 9", 8, "9 bytes for the 8 that are asked about; that is too long"),
        ("zeroes 9 then poison", 8, "that is too long"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, room: int | None, message: str) -> None:
    with pytest.raises(DirectiveError) as refused:
        read(text, room)
    assert message in str(refused.value)


def test_every_form_is_listed() -> None:
    assert {name.split()[0].partition("[")[0] for name in PIECES} == {
        '"TEXT"', "hex", "byte", "word", "dword", "qword", "pattern", "zeroes", "poison", "NAME",
    }  # fmt: skip
