# SPDX-License-Identifier: GPL-2.0-or-later
"""`sweep`: campaigns as assertions."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from emu import Machine, Profile, build_guest
from emu.campaign.experiment.replay_id import parse_replay_id
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.verdict import VerdictClass
from emu.testing import sweep
from emu.testing.options import QUICK_SAMPLE
from emu.testing.sweeps import SweepFailed
from tests.testing.plugin_runs import BYTE_LOOP, run

pytest_plugins = ["pytester"]

OVERRUN = BYTE_LOOP.replace("test    r8, r8", "inc     r8\n    test    r8, r8")
"""A copy of one byte too many."""


def test_counts_what_was_run(machine: Machine) -> None:
    machine.user.alloc(b"stays")
    result = sweep(machine, "CopyFromUser", lengths="0-10", source_offsets=(0, 3), faults=("none@every-byte", ""))
    assert result.total == len(result.plan) == sum(length + 2 for length in range(11)) * 2
    assert dict(result.counts) == {VerdictClass.CORRECT: result.total}
    assert str(result).splitlines()[-1] == f"{result.total} run: {result.total} correct"
    assert len(machine.user.buffers) == 1


def test_takes_the_machines_profile_and_images(machine_pool: object, machine: Machine, tmp_path: Path) -> None:
    source = tmp_path / "my_copy.S"
    source.write_text(BYTE_LOOP)
    machine.load(build_guest(source))
    with pytest.raises(SweepFailed, match="touched with AC clear"):
        sweep(machine, "my_copy", lengths=3)
    assert sweep(machine, "my_copy", lengths=3, profiles="nehalem").plan.profiles == (Profile("nehalem"),)


@pytest.mark.emu(profile="broadwell", irql=1)
def test_without_a_machine_the_marker_counts() -> None:
    plan = sweep("CopyFromUser", lengths=[5]).plan
    assert plan.profiles == (Profile("broadwell"),)
    assert list(plan.irqls) == [1]


def test_failures_are_few_small_and_replayed(machine: Machine, tmp_path: Path) -> None:
    source = tmp_path / "my_copy.S"
    source.write_text(OVERRUN)
    with pytest.raises(SweepFailed) as failure:
        sweep(
            "my_copy",
            image=source,
            lengths="0-40",
            source_offsets="0-3",
            profiles=["nehalem", "broadwell,smap=permit"],
            sample=200,
        )
    lines = str(failure.value).splitlines()
    assert lines[0].startswith("my_copy: 2 profiles (nehalem, broadwell,smap=permit) × 41 lengths (0-40) × 4 source")
    assert lines[1] == "200 run: 200 wrong-data"
    assert lines[2].startswith("  wrong-data: ")
    assert [line.startswith("    emu replay ") for line in lines[2:]] == [False, True]
    least = parse_replay_id(lines[3].partition("emu replay ")[2])
    assert (least.length, least.source_offset, str(least.profile)) == (0, 0, "nehalem")


def test_an_oracle_of_the_tests_own(machine: Machine) -> None:
    seen: list[int] = []

    def oracle(observation: Observation) -> str:
        seen.append(observation.case.length)
        return "state-leak: too even" if observation.case.length == 2 else ""

    with pytest.raises(SweepFailed, match="4 run: 3 correct, 1 state-leak\n  state-leak: too even"):
        sweep(machine, "CopyFromUser", lengths="0-3", oracle=oracle)
    assert {0, 1, 2, 3} <= set(seen)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'CopyFromUsr'", "sweep: the loaded modules has no symbol 'CopyFromUsr'; nearest: CopyFromUser, *"),
        ("machine", "sweep: name the routine behind the machine, as in sweep(machine, 'my_copy')"),
        (
            "'CopyFromUser', 'my_copy'",
            "sweep: two routines, 'CopyFromUser' and 'my_copy'; give one, or a machine first",
        ),
        ("'CopyFromUser', lengths='9-1'", "sweep: lengths '9-1': it runs backwards; write 1-9"),
        ("'CopyFromUser', lengths=-1", "sweep: lengths -1: choose 0 or more"),
        ("'CopyFromUser', faults='nune@every-byte'", "sweep: *nune*"),
        ("'CopyFromUser', profiles='i486'", "sweep: unknown CPU model 'i486'; known: *"),
        ("'CopyFromUser', image='nowhere.S'", "sweep: *nowhere.S: no such file"),
        ("'CopyFromUser', oracle='nowhere.py:judge'", "sweep: oracle 'nowhere.py:judge': there is no file nowhere.py"),
        ("'CopyFromUser', oracle=lambda observation: 5", "sweep: oracle '<lambda>' answered 5; *"),
        ("'CopyFromUser', sample=0", "sweep: a sample of 0: choose 1 or more"),
    ],
)
def test_a_mistake_is_one_line_at_the_tests_own(pytester: pytest.Pytester, arguments: str, message: str) -> None:
    result = run(
        pytester, f"from emu.testing import sweep\ndef test_it(machine):\n    sweep({arguments})\n", "--tb=short"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["test_a_mistake*.py:3: in test_it", f"E   Failed: {message}".replace("[", "[[]")])
    result.stdout.no_fnmatch_line("*sweeps.py*")


def test_exports_of_the_machine_are_not_the_sweeps(machine: Machine, tmp_path: Path) -> None:
    @machine.export("ZwOwn")
    def own() -> int:
        return 7

    source = tmp_path / "importer.S"
    source.write_text(".globl importer\nimporter:\n  jmp *__imp_ZwOwn(%rip)\n")
    machine.load(build_guest(source))
    with pytest.raises(
        pytest.fail.Exception, match=r"sweep: importer.sys imports what the kernel does not export: ZwOwn"
    ):
        sweep(machine, "importer", lengths=1)


SWEPT = """
    from emu.testing import sweep

    def test_sweep(machine, guest):
        guest.load("my_copy.S")
        result = sweep(machine, "my_copy", lengths="0-{last}", profiles="nehalem")
        assert result.total == {total}
"""


@pytest.mark.parametrize(("option", "total"), [("quick", QUICK_SAMPLE), ("full", 701)])
def test_how_much_is_run_is_an_option(pytester: pytest.Pytester, option: str, total: int) -> None:
    result = run(pytester, SWEPT.format(last=700, total=total), f"--emu-sweep={option}", my_copy=BYTE_LOOP)
    result.assert_outcomes(passed=1)


def test_another_size_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = run(pytester, SWEPT, "--emu-sweep=some")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--emu-sweep: invalid choice: 'some'*"])


def test_on_the_profiles_of_the_command_line(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        "from emu.testing import sweep\ndef test_it(): print(sweep('CopyFromUser', lengths=1))\n",
        "--emu-profiles=nehalem,epyc",
        "-s",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*CopyFromUser: 2 profiles (nehalem, epyc)*", "2 run: 2 correct"])


def test_a_failure_is_shown_without_our_own_frames_and_in_junit(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        SWEPT.format(last=20, total=21),
        "--junit-xml=junit.xml",
        my_copy=OVERRUN,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E  *SweepFailed: my_copy: 1 profile (nehalem) *", "E * emu replay my_copy/image=my_copy.S/len=0/*"]
    )
    result.stdout.no_fnmatch_line("*sweeps.py*")
    properties = {
        each.get("name"): each.get("value")
        for each in ElementTree.parse(pytester.path / "junit.xml").getroot().iter("property")
    }
    assert properties["emu-outcome"] == "21 run: 21 wrong-data"
    assert (properties["emu-replay"] or "").startswith("my_copy/image=my_copy.S/len=0/src=+0/dst=+0/profile=nehalem/")
