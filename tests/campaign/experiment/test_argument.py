# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call passes to a routine, as text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign import ExperimentError, File, Inline, Pattern
from emu.campaign.experiment.argument import Argument, Integer, Memory, StubExport, Zeroes, parse_argument, parse_stub
from emu.memory.ram import DEFAULT_SIZE

BITS_64 = st.integers(-(1 << 63), (1 << 64) - 1)
NAMES = st.from_regex(r"[A-Za-z_?@$][A-Za-z0-9_?@$]{0,20}", fullmatch=True)
HALVES = st.sampled_from(["user", "kernel"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
MEMORY = (
    st.builds(Memory, HALVES, TEXTS.map(lambda text: Inline(text.encode())), st.none())
    | st.builds(Memory, HALVES, TEXTS.filter(bool).map(File), st.none())
    | st.builds(lambda size: Memory("user", Pattern(), size), st.integers(0, DEFAULT_SIZE))
    | st.builds(lambda size: Memory("kernel", Zeroes(), size), st.integers(0, DEFAULT_SIZE))
)


@given(BITS_64.map(Integer) | MEMORY)
def test_every_argument_reads_back(argument: Argument) -> None:
    assert parse_argument(str(argument)) == argument


@given(st.builds(StubExport, NAMES, BITS_64))
def test_every_stub_reads_back(stub: StubExport) -> None:
    assert parse_stub(str(stub)) == stub


@given(st.text())
def test_any_text_is_an_argument_or_a_mistake_in_one_line(text: str) -> None:
    for parse in (parse_argument, parse_stub):
        mistake = ""
        try:
            parse(text)
        except ExperimentError as error:
            mistake = str(error)
        assert len(mistake.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("-1", -1),
        ("+7", 7),
        ("0x1F", 31),
        ("-0X10", -16),
        ("007", 7),
        ("0xffffffffffffffff", (1 << 64) - 1),
    ],
)
def test_integers(text: str, value: int) -> None:
    assert parse_argument(text) == Integer(value)


def test_what_memory_holds(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"\0\1\2")
    assert parse_argument("user:0x10") == Memory("user", Pattern(), 16)
    for text, content in (
        ("user:16", Pattern().read(16)),
        ("kernel:16", bytes(16)),
        ("kernel:0", b""),
        ("user:=h\u00f6", "h\u00f6".encode()),
        ("user:=", b""),
        ("user:==1", b"=1"),
        ("user:=\udcff", b"\xff"),
        (f"kernel:@{tmp_path / 'data'}", b"\0\1\2"),
    ):
        argument = parse_argument(text)
        assert isinstance(argument, Memory)
        assert argument.read() == content


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "argument '': give an integer, user:SIZE"),
        ("sixty", "argument 'sixty': give an integer"),
        ("0x", "give an integer"),
        ("1_000", "give an integer"),
        ("\u0661", "give an integer"),
        ("users:3", "give an integer"),
        ("-x", "argument '-x': give an integer"),
        ("user:", "argument 'user:': behind user: belongs a size, =TEXT or @FILE"),
        ("user:@", "belongs a size"),
        ("kernel:big", "behind kernel: belongs a size"),
        ("user:-1", f"choose a size of 0 to {DEFAULT_SIZE}"),
        (f"user:{DEFAULT_SIZE + 1}", f"choose a size of 0 to {DEFAULT_SIZE}"),
        ("user:" + "9" * 5000, "does not fit 64 bits"),
        (str(1 << 64), "does not fit 64 bits; choose -9223372036854775808 to 0xffffffffffffffff"),
        (str(-(1 << 63) - 1), "does not fit 64 bits"),
    ],
)
def test_wrong_arguments(text: str, says: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_argument(text)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "ZwClose", "ZwClose=", "=0", "Zw Close=0", "ZwClose=zero", "1st=0"])
def test_wrong_stubs(text: str) -> None:
    with pytest.raises(ExperimentError, match="give NAME=VALUE"):
        parse_stub(text)


def test_a_file_larger_than_guest_ram_is_refused() -> None:
    argument = parse_argument("user:@/dev/zero")
    assert isinstance(argument, Memory)
    with pytest.raises(ExperimentError, match="larger than guest RAM, 64 MiB"):
        argument.read()
