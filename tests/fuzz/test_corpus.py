# SPDX-License-Identifier: GPL-2.0-or-later
"""The corpus, replayed: every input is without a bug now, those first that once found one."""

from random import Random

import pytest

from tests.fuzz.framed_guest import TARGETS, framed_guest, target_number
from tests.fuzz.record import HEADER_SIZE, MOST_RECORDS, RECORD_SIZE, Input, make_input, mutate
from tests.fuzz.targets import CORPUS, NAMES, corpus_path, load_target, read_corpus

LARGEST_CORPUS = 1 << 20


def named_inputs() -> list[object]:
    return [
        pytest.param(name, data, id=f"{name}-{title}") for name in NAMES for title, data in read_corpus(name) if title
    ]


@pytest.mark.parametrize(("name", "data"), named_inputs())
def test_what_was_once_found(name: str, data: bytes) -> None:
    load_target(name).run(data)


@pytest.mark.parametrize("name", NAMES)
def test_every_input_kept(name: str) -> None:
    target, inputs = load_target(name), [data for _, data in read_corpus(name)]
    assert inputs
    for data in [*target.seeds, *inputs]:
        target.run(data)


@pytest.mark.parametrize("name", NAMES)
def test_mutations_of_what_is_kept(name: str) -> None:
    target, random = load_target(name), Random(7)
    pool = [data for _, data in read_corpus(name)]
    for _ in range(200):
        target.run(mutate(random.choice(pool), random))


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.iterdir()) < LARGEST_CORPUS
    assert {path.name for path in CORPUS.iterdir()} == {corpus_path(name).name for name in NAMES}


class TestRecords:
    def test_round_trip(self) -> None:
        data = make_input([1, 2], (3, 4, 5, 6), (255, 255, 65535, (1 << 64) - 1))
        source = Input.decode(data)
        assert source.encode() == data
        assert source.records[0] == (3, 4, 5, 6)
        assert len(data) == HEADER_SIZE + 2 * RECORD_SIZE

    @pytest.mark.parametrize("data", [b"", b"\x07", bytes(HEADER_SIZE), bytes(HEADER_SIZE + RECORD_SIZE - 1)])
    def test_any_bytes_are_an_input(self, data: bytes) -> None:
        source = Input.decode(data)
        assert source.header == data[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0")
        assert source.records == ()

    def test_mutation_is_bounded_and_repeats(self) -> None:
        data = b""
        for seed in range(2000):
            changed = mutate(data, Random(seed))
            assert changed == mutate(data, Random(seed))
            assert len(changed) <= HEADER_SIZE + MOST_RECORDS * RECORD_SIZE
            data = changed
        assert len(Input.decode(data).records) > 3


def test_a_target_is_what_its_name_says() -> None:
    guest = framed_guest()
    assert len({target_number(name) for name in TARGETS}) == len(TARGETS)
    for name in ("longjmp", "RtlUnwindEx", "ProbeForRead"):
        assert guest.target(target_number(name)) == guest.machine.resolve(name)
    assert guest.target(0xFFFF) == guest.target(0)
