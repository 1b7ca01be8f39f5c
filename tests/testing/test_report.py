# SPDX-License-Identifier: GPL-2.0-or-later
"""What a failing test shows of its machines."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest

import emu.testing.report
from tests.testing.plugin_runs import BYTE_LOOP, ENDLESS, run, section

pytest_plugins = ["pytester"]

COPIES = """
    from emu import Returned

    def test_copies(machine, guest):
        guest.load("my_copy.S")
        source = machine.user.alloc(bytes(4096) + b"copy me", offset=0, name="source")
        target = machine.kernel.alloc(3, name="target")
        outcome = machine.call("my_copy", target, source.address + 4096, 3, guarded={guarded})
        assert outcome == Returned(0)
"""

FAULTS = """
    import pytest
    from emu import Returned

    @pytest.mark.emu(profile="nehalem")
    def test_copies(machine, guest):
        guest.load("my_copy.S")
        source = machine.user.alloc(b"copy me", offset=4094, name="source")
        target = machine.kernel.alloc(7, name="target")
        machine.user.protect(source.address + 2, "none")
        assert machine.call("my_copy", target, source, 7) == Returned(0)
"""

LAST_CALL = """\
raised STATUS_ACCESS_VIOLATION (0xC0000005), read of 0x…, at 0x…
  at my_copy!my_copy+0x5 `mov al, byte ptr [rdx]` (my_copy.S:7)
  touching byte 2 of source (7 bytes)
  #PF error code 0x0 (read, supervisor mode, page not present), CR2 0x…, byte 2 of source (7 bytes), page none, \
at my_copy!my_copy+0x5 `mov al, byte ptr [rdx]` (my_copy.S:7)
  exception STATUS_ACCESS_VIOLATION (0xC0000005), read of 0x…, raised by the trap
  search  my_copy!my_copy+0x5, frame 0x…, no handler
  search  ntoskrnl!KiGuardedCall+0x9, frame 0x…, handler __C_specific_handler, in __try/__except (guarded_call.S:30)
          filter: the constant EXCEPTION_EXECUTE_HANDLER (1)
  unwind  my_copy!my_copy+0x5, frame 0x…, no handler
  unwind  ntoskrnl!KiGuardedCall+0x9, frame 0x…, handler __C_specific_handler
  landed  in __except at ntoskrnl!KiGuardedCall+0xa (guarded_call.S:30), frame 0x…
emu replay my_copy/image=my_copy.S/len=7/src=+4094/dst=+0/profile=nehalem/data=0x…/irql=0/none@src+2
"""

SOURCE = """\
          my_copy.S:7
       5      test    r8, r8
       6      jz      2f
>      7  1:  mov     al, [rdx]
       8      mov     [rcx], al
       9      inc     rdx
"""


def test_shows_the_outcome_a_replay_id_and_what_ran_last(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAULTS, my_copy=BYTE_LOOP)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       assert raised STATUS_ACCESS_VIOLATION*, at 0x* == returned 0x0"])
    assert section(result, "last call on nehalem") == LAST_CALL.splitlines()
    lines = section(result, "its last 20 lines of trace")
    assert lines[20:] == SOURCE.splitlines()
    assert lines[19].startswith("── raised STATUS_ACCESS_VIOLATION (0xC0000005), read of 0x…, at 0x…, ")
    trapped = next(line for line in lines if line.startswith("!"))
    assert " ".join(trapped.split()) == "! 15 :7 my_copy!my_copy+0x5 mov al, byte ptr [rdx] trapped"
    before = " ".join(lines[lines.index(trapped) - 5].split())
    assert before == "10 :8 my_copy!my_copy+0x7 mov byte ptr [rcx], al write target+1 = 0x6f 'o'"


def test_replay_of_what_is_shown_does_the_same(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAULTS, my_copy=BYTE_LOOP)
    command = next(line for line in result.outlines if line.startswith("emu replay "))
    again = pytester.run(sys.executable, "-c", "from emu.cli import main; main()", *command.split()[1:])
    again.stdout.fnmatch_lines(["*STATUS_ACCESS_VIOLATION*"])


def test_a_bugcheck_shows_why(pytester: pytest.Pytester) -> None:
    result = run(pytester, COPIES.format(guarded=True), my_copy=BYTE_LOOP)
    result.assert_outcomes(failed=1)
    shown = section(result, "last call on skylake-server")
    assert shown[0] == "bugchecked: PAGE_FAULT_IN_NONPAGED_AREA (0x…)"
    assert shown[-1] == "no replay id: argument 1, 0x…, points into a buffer; give the buffer itself"
    assert "SMAP" in "".join(shown)
    assert "my_copy.S:7" in section(result, r"its last \d+ lines of trace")[-6]


def test_a_timeout_shows_the_loop_folded(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_ends(machine, guest):
            guest.load("spin.S")
            assert not machine.call("spin", budget=5000)
        """,
        spin=ENDLESS,
    )
    result.assert_outcomes(failed=1)
    assert section(result, "last call on skylake-server") == [
        "timed out: the budget of 5000 blocks was used up at spin!spin+0x2; give a larger budget= if the code is meant "
        "to run that long",
        "emu replay spin/image=spin.S/args=none/profile=skylake-server/irql=0/budget=5000",
    ]
    lines = section(result, r"its last \d+ lines of trace")
    assert any("instructions above" in line and "times more" in line for line in lines)
    assert lines[-4].split() == ["spin.S:6"]


def test_wrong_unwind_data_shows_where_the_search_went(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from emu import Raised

        def test_raises(machine, guest):
            module = guest.load("reader.S")
            with machine.prove_unwind_data(module) as proof:
                outcome = machine.call("reader", 0)
            assert [str(finding) for finding in proof.findings] == []

        def test_is_caught(machine, guest):
            guest.load("reader.S")
            assert isinstance(machine.call("reader", 0), Raised)
        """,
        reader="""
            .intel_syntax noprefix
            .text
            .globl reader
            .seh_proc reader
        reader:
            sub rsp, 0x28
            .seh_stackalloc 0x48
            .seh_endprologue
            mov rax, [rcx]
            add rsp, 0x28
            ret
            .seh_endproc
        """,
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*reader!reader*"])
    shown = "\n".join(result.outlines)
    assert "search  reader!reader+0x4" in shown
    assert shown.count("emu replay reader/image=reader.S/arg=0/profile=skylake-server/irql=0") == 2


def test_each_machine_of_the_test_has_its_sections(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from emu import Profile

        def test_two(machine, machine_pool):
            machine.call("KeGetCurrentIrql")
            other = machine_pool.take(Profile("nehalem"))
            unused = machine_pool.take(Profile("epyc"))
            other.call("ExGetPreviousMode")
            assert not "equal"
        """,
    )
    assert section(result, "last call on skylake-server")[-1].startswith("emu replay KeGetCurrentIrql/")
    assert section(result, "last call on nehalem")[-1].startswith("emu replay ExGetPreviousMode/")
    result.stdout.no_fnmatch_line("*last call on epyc*")


@pytest.mark.parametrize(
    ("body", "outcomes"),
    [
        ("def test_it(machine): assert machine.call('KeGetCurrentIrql').value == 0", {"passed": 1}),
        ("def test_it(machine): assert machine is None", {"failed": 1}),
        ("def test_it(): assert False", {"failed": 1}),
        (
            "def test_it(machine):\n    import pytest\n    machine.call('KeGetCurrentIrql')\n    pytest.skip('later')",
            {"skipped": 1},
        ),
    ],
)
def test_shows_nothing_where_nothing_failed_or_was_called(
    pytester: pytest.Pytester, body: str, outcomes: dict[str, int]
) -> None:
    result = run(pytester, body)
    result.assert_outcomes(**outcomes)
    result.stdout.no_fnmatch_line("*last call on*")


def test_a_failing_setup_and_teardown_show_it_too(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def before(machine):
            machine.call("KeGetCurrentIrql")
            assert not "before"

        @pytest.fixture
        def after(machine):
            yield
            machine.call("ExGetPreviousMode")
            assert not "after"

        def test_setup(before): pass
        def test_teardown(after): pass
        """,
    )
    result.assert_outcomes(errors=2, passed=1)
    result.stdout.fnmatch_lines(["emu replay KeGetCurrentIrql/*", "emu replay ExGetPreviousMode/*"])


def test_an_exception_of_the_hosts_leaves_the_call_interrupted(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(machine, guest):
            @machine.export("Failing")
            def failing(): raise ArithmeticError("on the host")
            guest.load("caller.S")
            machine.call("caller")
        """,
        caller=".globl caller\ncaller:\n  sub $40, %rsp\n  call *__imp_Failing(%rip)\n  add $40, %rsp\n  ret\n",
    )
    result.assert_outcomes(failed=1)
    assert section(result, "last call on skylake-server") == ["interrupted", "no replay id: no call has ended"]
    assert any("caller!caller" in line for line in section(result, r"its last \d+ lines of trace"))


def test_junit_has_outcome_and_replay_id_as_properties(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        FAULTS + "\n    def test_fine(machine):\n        machine.call('KeGetCurrentIrql')\n",
        "--junit-xml=junit.xml",
        my_copy=BYTE_LOOP,
    )
    result.assert_outcomes(failed=1, passed=1)
    cases = ElementTree.parse(pytester.path / "junit.xml").getroot().findall(".//testcase")
    properties = {
        case.get("name"): [(each.get("name"), each.get("value")) for each in case.findall(".//property")]
        for case in cases
    }
    assert properties["test_fine"] == []
    (first, outcome), (second, replay) = properties["test_copies"]
    assert (first, second) == ("emu-outcome", "emu-replay")
    assert outcome is not None
    assert outcome.startswith("raised STATUS_ACCESS_VIOLATION (0xC0000005), read of ")
    assert replay is not None
    assert replay.startswith("my_copy/image=my_copy.S/len=7/src=+4094/dst=+0/profile=nehalem/")


def test_a_trace_that_cannot_be_made_is_said(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(machine, trace, guest):
            for text in (".globl f\\nf: ret\\n", ".globl g\\ng: nop\\nret\\n"):
                name = text.split()[1]
                machine.load(guest.build_text(text, name=name))
                machine.call(name)
                machine.reset()
            assert not "reached"
        """,
    )
    result.assert_outcomes(failed=1)
    assert section(result, "last call on skylake-server")[-1].startswith("no replay id: f and g were both loaded at")


def test_a_closed_machine_shows_its_last_call(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_it(machine):
            machine.call("CopyFromUser", 0, 0, 1)
            machine.close()
            assert not "closed"
        """,
    )
    result.assert_outcomes(failed=1)
    assert section(result, "last call on skylake-server")[-1].startswith("emu replay CopyFromUser/arg=0/arg=0/arg=1/")


def test_what_goes_wrong_in_a_report_does_not_end_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> str:
        raise ArithmeticError("of the report")

    monkeypatch.setattr(emu.testing.report, "replay_id", fail)
    result = run(
        pytester,
        """
        def test_it(machine):
            machine.call("KeGetCurrentIrql")
            assert not "reached"

        def test_next(machine):
            pass
        """,
    )
    result.assert_outcomes(failed=1, passed=1)
    assert section(result, "last call on skylake-server") == [
        "returned 0x0",
        "no replay id: ArithmeticError: of the report; please report this with the test",
    ]


def test_a_failing_test_with_a_failing_teardown_has_its_properties_once(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import pytest

        @pytest.fixture
        def after(machine):
            yield
            assert not "after"

        def test_it(machine, after):
            machine.call("KeGetCurrentIrql")
            assert not "reached"
        """,
        "--junit-xml=junit.xml",
    )
    result.assert_outcomes(failed=1, errors=1)
    text = (pytester.path / "junit.xml").read_text()
    assert text.count('name="emu-outcome"') == text.count('name="emu-replay"')
    assert 'name="emu-outcome" value="returned 0x0"' in text


def test_a_call_of_millions_of_instructions_takes_bounded_memory(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        import tracemalloc

        def test_it(machine, guest):
            guest.load("counter.S")
            machine.call("counter", 6_000_000, budget=7_000_000)
            tracemalloc.start()
            assert not "reached"

        def test_memory():
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < 12_000_000 * 32 // 2  # half of a table of what ran; RAM of machines is in it
        """,
        counter=".intel_syntax noprefix\n.globl counter\ncounter:\n    dec rcx\n    jnz counter\n    ret\n",
    )
    result.assert_outcomes(failed=1, passed=1)
    assert section(result, r"its last \d+ lines of trace")[-2:] == ["       5      jnz counter", ">      6      ret"]
