# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of tests as replay ids: that each does again what the call did, or that there is none and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Raised, build_guest
from emu.campaign.experiment.call_replay_id import is_call_id, parse_call_id
from emu.campaign.experiment.content import Pattern
from emu.campaign.experiment.replay_id import parse_replay_id
from emu.memory.half import Half
from emu.profile import Profile
from emu.testing import machines
from emu.testing.guest import BuiltFrom, remember
from emu.testing.machines import LoggedMachine, MachinePool
from emu.testing.replayable import NotReplayable, replay_id
from tests.testing.plugin_runs import BYTE_LOOP

POOL = MachinePool()


@pytest.fixture
def taken() -> LoggedMachine:
    return POOL.take(Profile())


def written(machine: LoggedMachine) -> str:
    log = machine.log
    assert log is not None
    return replay_id(machine, machine.trace_of(log))


STATES = ("rw", "ro", "none", "unmapped", "guard", "paged-out", "in-page-error")


def set_state(half: Half, address: int, state: str) -> None:
    match state:
        case "unmapped":
            half.unmap(address)
        case "guard":
            half.guard(address)
        case "paged-out":
            half.page_out(address)
        case "in-page-error":
            half.fail_page_in(address, 0xC000009D)
        case _:
            half.protect(address, state)


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(0, 200),
    offsets=st.tuples(st.integers(0, 4095), st.integers(0, 4095)),
    states=st.tuples(st.sampled_from(STATES), st.sampled_from(STATES)),
    inline=st.booleans(),
    irql=st.integers(0, 2),
)
def test_a_copy_is_written_as_one_that_does_the_same(
    length: int, offsets: tuple[int, int], states: tuple[str, str], inline: bool, irql: int
) -> None:
    machine = POOL.take(Profile())
    content = bytes(range(200)) if inline else Pattern().read(200)
    source = machine.user.alloc(content, offset=offsets[0])
    target = machine.kernel.alloc(length, offset=offsets[1])
    pages = dict.fromkeys(address & ~0xFFF for address in (source.address, source.address + 199))
    for page, state in zip(pages, states, strict=False):
        set_state(machine.user, page, state)
    outcome = machine.call("CopyFromUser", target, source, length, irql=irql)
    try:
        text = written(machine)
    except NotReplayable:
        # The byte that the second page begins with lies behind what is copied, and has no name in a copy's id.
        assert len(pages) == 2
        assert 4096 - offsets[0] > length
        return
    if is_call_id(text):
        result = parse_call_id(text).run()
        assert type(result.outcome) is type(outcome)
        return
    copy = parse_replay_id(text)
    assert (copy.length, copy.source_offset, copy.target_offset, copy.irql) == (length, *offsets, irql)
    again = copy.run()
    assert type(again.outcome) is type(outcome)
    if isinstance(outcome, Raised) and isinstance(again.outcome, Raised):
        assert again.outcome.record.code == outcome.record.code
        where = outcome.record.fault_address, again.outcome.record.fault_address
        assert (where[0] or 0) - source.address == (where[1] or 0) - again.source_address


class TestCalls:
    def test_numbers_and_buffers(self, taken: LoggedMachine) -> None:
        text = taken.kernel.alloc(b"some text\0")
        taken.call("strlen", text)
        assert written(taken) == "strlen/arg=kernel:=some%20text%00/profile=skylake-server/irql=0"
        assert parse_call_id(written(taken)).run().outcome == taken.last_call.outcome  # type: ignore[union-attr]

    def test_as_the_buffer_was_before(self, taken: LoggedMachine) -> None:
        target = taken.kernel.alloc(8)
        taken.call("memset", target, 0x41, 8)
        assert target.read() == b"A" * 8
        assert written(taken) == "memset/arg=kernel:8/arg=65/arg=8/profile=skylake-server/irql=0"

    def test_unguarded_with_a_budget(self, taken: LoggedMachine) -> None:
        taken.call("CopyFromUser", 0, 0, 1, guarded=False, budget=77)
        assert written(taken) == ("CopyFromUser/arg=0/arg=0/arg=1/profile=skylake-server/irql=0/budget=77/unguarded")

    def test_by_its_address(self, taken: LoggedMachine) -> None:
        taken.call(taken.resolve("KeGetCurrentIrql"))
        assert written(taken) == "KeGetCurrentIrql/args=none/profile=skylake-server/irql=0"

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ("none@from+3,access=1", "none@src+3,access=1"),
            ("flip=0x80@from+1,access=1", "flip=0x80@src+1,access=1"),
            ("irql=2@cpu,insn=5", "irql=2@cpu,insn=5"),
            ("skip@cpu,insn=9", "skip@cpu,insn=9"),
        ],
    )
    def test_with_injected_faults(self, taken: LoggedMachine, fault: str, expected: str) -> None:
        source, target = taken.user.alloc(Pattern().read(16)), taken.kernel.alloc(16)
        taken.inject(fault, **{"from": source})
        taken.call("CopyFromUser", target, source, 16)
        assert written(taken) == (f"CopyFromUser/len=16/src=+0/dst=+0/profile=skylake-server/data=7/irql=0/{expected}")


class TestImages:
    @pytest.mark.parametrize(("has_options", "is_text"), [(False, False), (True, False), (False, True)])
    def test_by_their_sources_where_these_alone_make_them(
        self, taken: LoggedMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_options: bool, is_text: bool
    ) -> None:
        monkeypatch.chdir(tmp_path)
        source = tmp_path / f"copy_{has_options:d}{is_text:d}.S"
        source.write_text(BYTE_LOOP)
        image = build_guest(source)
        remember(image, BuiltFrom((source,), has_options, is_text))
        taken.load(image)
        taken.call("my_copy", 0, 0, 0)
        (named,) = parse_call_id(written(taken)).images
        assert named == (str(image) if has_options or is_text else source.name)


class TestNotReplayable:
    def test_pointers_into_buffers(self, taken: LoggedMachine) -> None:
        source = taken.user.alloc(b"abcdef")
        taken.call("strlen", source.address + 2)
        with pytest.raises(NotReplayable, match=r"argument 0, 0x[0-9a-f]+, points into a buffer; give the buffer"):
            written(taken)

    def test_long_contents(self, taken: LoggedMachine) -> None:
        taken.call("strlen", taken.kernel.alloc(b"a" * 300))
        with pytest.raises(NotReplayable, match="holds 300 bytes of its own"):
            written(taken)

    def test_many_pages(self, taken: LoggedMachine) -> None:
        taken.call("memset", taken.kernel.alloc(4096 * (machines.PAGES_NOTED + 1)), 0, 1)
        with pytest.raises(NotReplayable, match="too many pages"):
            written(taken)

    def test_code_without_a_name(self, taken: LoggedMachine) -> None:
        taken.call(taken.resolve("CopyFromUser") + 1)
        with pytest.raises(NotReplayable, match="there is no symbol at 0x"):
            written(taken)

    def test_faults_at_addresses(self, taken: LoggedMachine) -> None:
        source, target = taken.user.alloc(16), taken.kernel.alloc(16)
        taken.inject(f"none@{source.address:#x},access=2")
        taken.call("CopyFromUser", target, source, 16)
        with pytest.raises(NotReplayable, match="is at an address"):
            written(taken)

    def test_what_other_calls_left(self, taken: LoggedMachine) -> None:
        taken.previous_mode = 0
        taken.call("ExGetPreviousMode")
        with pytest.raises(NotReplayable, match="ends otherwise on a machine that has only the images"):
            written(taken)
