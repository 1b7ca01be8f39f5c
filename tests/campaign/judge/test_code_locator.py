# SPDX-License-Identifier: GPL-2.0-or-later
"""Code by its symbol and its line of source."""

from __future__ import annotations

import re

from emu.address import Gva
from emu.campaign.judge.code_locator import CodeLocator
from tests.campaign.what_if_drivers import driver


def test_an_instruction_has_its_line_and_a_call_the_line_that_it_is_in() -> None:
    with driver("leaks_pool").call.boot() as machine:
        locator = CodeLocator(machine.system)
        begin = machine.resolve("LeaksPool")
        assert locator.instruction(begin) == "leaks_pool!LeaksPool (leaks_pool.c:13)"
        lines = [re.search(r":(\d+)\)$", locator.instruction(Gva(begin + at))) for at in range(0x20)]
        calls = [re.search(r":(\d+)\)$", locator.call(Gva(begin + at + 1))) for at in range(0x20)]
        assert [line and line[1] for line in calls] == [line and line[1] for line in lines]
        assert locator.call(Gva(begin + 1)).startswith("leaks_pool!LeaksPool+0x1 ")


def test_what_has_no_line_has_none() -> None:
    with driver("leaks_pool").call.boot() as machine:
        assert CodeLocator(machine.system).instruction(Gva(0x1000)) == "0x1000"
