# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of a sweep: what a template's text stands for, how many faults it has, and what is refused."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.fault_template import FaultChoice, FaultTemplate, Sweep, check_choices, parse_fault_choices


def faults(text: str, length: int) -> list[str]:
    """Return the faults of a template, before they are placed."""
    template = FaultTemplate.parse(text)
    return [str(template.at(index).fault) for index in range(template.count(length))]


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("none@every-byte", 2, ["none@src+0", "none@src+1", "none@src+2"]),
        ("none@every-byte", 0, ["none@src+0"]),
        ("ro@dst+every-byte", 1, ["ro@dst+0", "ro@dst+1"]),
        ("none@src+every-byte,times=2", 1, ["none@src+0,times=2", "none@src+1,times=2"]),
        ("flip=0x80@every-byte,access=2", 1, ["flip=0x80@src+0,access=2", "flip=0x80@src+1,access=2"]),
        ("in-page-error=0xC000009D@every-byte", 0, ["in-page-error=0xC000009D@src+0"]),
        ("guard@src+5", 4, []),
        ("guard@src+5", 5, ["guard@src+5"]),
        ("guard@dst+5", 9, ["guard@dst+5"]),
        ("none@0x1000", 0, ["none@0x1000"]),
        ("skip@cpu,insn=3", 0, ["skip@cpu,insn=3"]),
        ("none@src+4-12:4", 8, ["none@src+4", "none@src+8"]),
        ("none@src+4-12:4", 3, []),
        ("none@src+0-2", 9, ["none@src+0", "none@src+1", "none@src+2"]),
        ("flip=1@CopyFromUser+7-8", 0, ["flip=0x1@CopyFromUser+7", "flip=0x1@CopyFromUser+8"]),
    ],
)
def test_the_faults_of_a_length(text: str, length: int, expected: list[str]) -> None:
    assert faults(text, length) == expected
    assert str(FaultTemplate.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "quantity", "first"),
    [
        ("none@every-instruction", "instructions", "none@src+0,insn=1"),
        ("none@dst+0+every-instruction", "instructions", "none@dst+0,insn=1"),
        ("skip@every-instruction", "instructions", "skip@cpu,insn=1"),
        ("irql=2@cpu+every-instruction", "instructions", "irql=2@cpu,insn=1"),
        ("flip=0x80@rcx+every-instruction", "instructions", "flip=0x80@rcx,insn=1"),
        ("flip=0x80@src+3+every-instruction", "instructions", "flip=0x80@src+3,insn=1"),
        ("none@every-access", "source-accesses", "none@src+0,access=1"),
        ("none@dst+every-access,times=3", "target-accesses", "none@dst+0,access=1,times=3"),
        ("flip=0x80@every-access", "source-reads", "flip=0x80@src+0,access=1"),
        ("flip=0x80@dst+every-access", "target-reads", "flip=0x80@dst+0,access=1"),
    ],
)
def test_what_is_measured(text: str, quantity: str, first: str) -> None:
    template = FaultTemplate.parse(text)
    assert (template.quantity, str(template.fault)) == (quantity, first)
    assert FaultChoice((template,)).measured
    if template.sweep is Sweep.INSTRUCTIONS:
        assert str(template.at(4).fault) == first.replace("insn=1", "insn=5")
        assert template.at(4).inside is None


def test_a_fault_at_an_access() -> None:
    assert str(FaultTemplate.parse("none@every-access").at_access(8, 3).fault) == "none@src+8,access=3"
    assert str(FaultTemplate.parse("flip=1@dst+every-access").at_access(8, 2).fault) == "flip=0x1@dst+8,access=2"


def test_a_fault_is_made_once() -> None:
    template = FaultTemplate.parse("none@every-byte")
    assert template.at(5) is template.at(5)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], [""]),
        ([""], [""]),
        (["none@every-byte"], ["none@every-byte"]),
        (["none@every-byte,guard@src+5,access=2,times=3,ro@dst+0"],
         ["none@every-byte", "guard@src+5,access=2,times=3", "ro@dst+0"]),
        (["none@every-byte,"], ["none@every-byte", ""]),
        ([",none@every-byte"], ["", "none@every-byte"]),
        (["none@every-byte & guard@src+5 , ro@dst+1"], ["none@every-byte&guard@src+5", "ro@dst+1"]),
        (["none@every-byte", "none@every-byte"], ["none@every-byte&none@every-byte"]),
        (["none@src+1,none@src+2", "ro@dst+1,"],
         ["none@src+1&ro@dst+1", "none@src+1", "none@src+2&ro@dst+1", "none@src+2"]),
    ],
)  # fmt: skip
def test_choices_of_options(texts: list[str], expected: list[str]) -> None:
    choices = parse_fault_choices(texts)
    assert [str(choice) for choice in choices] == expected
    assert tuple(FaultChoice.parse(text) for text in expected) == choices


def test_a_choice_multiplies() -> None:
    choice = FaultChoice.parse("none@every-byte&guard@src+2-4&skip@cpu,insn=1")
    assert [choice.count(length) for length in range(6)] == [0, 0, 3, 8, 15, 18]
    assert FaultChoice().count(7) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nune@every-byte", "faults 'nune@every-byte': fault 'nune@src+0': character 1 ('n'): unknown kind 'nune'"),
        ("nune@src+1", "fault 'nune@src+1': character 1 ('n'): unknown kind 'nune'"),
        ("none", "fault 'none': character 5 (the end): '@' belongs here"),
        ("none@every-bite", "'every-bite': swept are every-byte, every-access, every-instruction"),
        ("none@src+every", "'src+every': swept are every-byte"),
        ("none@src", "'+' belongs here, as in src+0"),
        ("none@every-byte,acces=1", "faults 'none@every-byte,acces=1': fault 'none@src+0,acces=1': character 12"),
        ("none@buffer+every-byte", "every-byte goes through src or dst; for buffer give a range of bytes"),
        ("none@cpu+every-access", "every-access goes through src or dst"),
        ("none@every-access,access=2", "every-access sets access= itself; leave it out"),
        ("skip@every-instruction,insn=2", "every-instruction sets insn= itself; leave it out"),
        ("skip@every-byte", "the place of skip is cpu"),
        ("none@src+9-3", "faults 'none@src+9-3': bytes '9-3': it runs backwards; write 3-9"),
        ("none@src+1-3:0", "faults 'none@src+1-3:0': bytes '1-3:0': a step of 0"),
        ("none@every-byte&", "a kind belongs here"),
        ("none@every-byte,none@every-byte", "faults 'none@every-byte': it is there twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(ExperimentError) as error:
        parse_fault_choices([text])
    assert says in str(error.value)


def test_no_choice_is_there_twice() -> None:
    with pytest.raises(ExperimentError, match="faults '': it is there twice"):
        check_choices((FaultChoice(), FaultChoice()))


PIECES = st.sampled_from(
    ["none", "flip=1", "@", "src", "dst", "+", "every-byte", "every-access", "every-instruction", ",", "&", "0-4", ":2",
     "access=", "insn=1", "cpu", "3", "x", "\n"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=20))
def test_any_text_is_read_or_an_error_of_one_line(text: str) -> None:
    message = ""
    try:
        choices = parse_fault_choices([text])
    except ExperimentError as error:
        message = str(error)
    else:
        for choice in choices:
            assert FaultChoice.parse(str(choice)) == choice
    assert "\n" not in message


def test_a_template_that_was_used_can_be_sent_to_another_process() -> None:
    template = FaultTemplate.parse("none@every-byte")
    template.at(3)
    assert pickle.loads(pickle.dumps(template)) == template
