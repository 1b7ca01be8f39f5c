# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs reached of one module: its blocks, lines and functions."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from emu.trace.coverage import coverage
from emu.trace.module_coverage import LARGEST_BLOCK, CoveredInstruction, ModuleCoverage, nameless
from tests.trace.made import BASE, copied
from tests.trace.ways_out import ACCEPTED, NORMAL, line_of, trace_ways


def made(instructions: dict[int, CoveredInstruction]) -> ModuleCoverage:
    """Return the coverage of a module of which no image is known."""
    return ModuleCoverage("made.sys", BASE, 0x100000, 0, None, instructions, {})


def reached(size: int, *, leads: bool = False, hits: int = 1, symbol: str = "f", offset: int = 0) -> CoveredInstruction:
    return CoveredInstruction(size, hits, leads, symbol, offset, "made.S", 1)


def test_a_loop_is_a_block_and_what_comes_behind_it_another() -> None:
    (module,) = coverage(copied(b"abcd")).modules
    assert module.blocks() == [(0x1000, 16), (0x1010, 1)]


def test_a_retry_begins_no_block() -> None:
    (module,) = coverage(copied(b"abcd", fault_at=2)).modules
    assert module.blocks() == [(0x1000, 16), (0x1010, 1)]


def test_a_block_ends_where_the_code_has_a_gap() -> None:
    module = made({0: reached(2, leads=True), 2: reached(3), 8: reached(1)})
    assert module.blocks() == [(0, 5), (8, 1)]


@given(st.lists(st.tuples(st.integers(1, 15), st.booleans(), st.booleans()), max_size=40))
def test_blocks_are_disjoint_and_hold_every_instruction(code: list[tuple[int, bool, bool]]) -> None:
    instructions, rva = {}, 0
    for size, leads, gap in code:
        rva += 7 * gap
        instructions[rva] = reached(size, leads=leads)
        rva += size
    blocks = made(instructions).blocks()
    assert sum(size for _, size in blocks) == sum(each.size for each in instructions.values())
    assert all(begin + size <= following for (begin, size), (following, _) in itertools.pairwise(blocks))
    assert {rva for rva, each in instructions.items() if each.leads} <= {begin for begin, _ in blocks}


def test_a_long_block_is_cut_to_what_the_formats_hold() -> None:
    module = made({rva: reached(15) for rva in range(0, 15 * 5000, 15)})
    assert [size for _, size in module.blocks()] == [LARGEST_BLOCK // 15 * 15, 15 * 5000 - LARGEST_BLOCK // 15 * 15]


def test_functions_that_ran_are_named_by_their_symbols() -> None:
    module = made({4: reached(1, offset=4), 5: reached(1, offset=5), 9: reached(2, symbol="g", hits=3)})
    first, second = module.functions()
    assert (first.name, first.rva, first.hits, first.reached) == ("f", 0, 0, True)
    assert (second.name, second.rva, second.hits, second.is_named) == ("g", 9, 3, True)


def test_two_coverages_of_a_module_have_the_sums() -> None:
    merged = made({0: reached(1), 1: reached(1, leads=True)}).merged(made({1: reached(1, hits=4), 2: reached(2)}))
    assert {rva: each.hits for rva, each in merged.instructions.items()} == {0: 1, 1: 5, 2: 1}
    assert merged.blocks() == [(0, 1), (1, 3)]


def test_a_function_of_the_table_without_a_symbol_is_named_by_its_rva() -> None:
    trace = trace_ways(NORMAL, optimize="0")
    (module,) = coverage(trace, trace.images).only("ways_out").modules
    unnamed = [function for function in module.functions() if not function.is_named]
    assert [function.name for function in unnamed] == [nameless(function.rva) for function in unnamed]
    assert [function.reached for function in unnamed] == [True]  # the body of the __finally, which compilers share


def test_filters_are_no_functions() -> None:
    trace = trace_ways(ACCEPTED, optimize="0")
    (module,) = coverage(trace, trace.images).only("ways_out").modules
    handlers = {each.block.handler for each in module.try_blocks()}
    assert handlers & module.instructions.keys()
    assert not handlers & {function.rva for function in module.functions()}


def test_a_try_block_stands_where_its_first_statement_does() -> None:
    trace = trace_ways(NORMAL, optimize="0")
    (module,) = coverage(trace, trace.images).only("ways_out").modules
    lines = [each.line for each in module.try_blocks()]
    assert lines == [line_of("result = touch(from)")] * 2 + [line_of("return touch(from)")]
