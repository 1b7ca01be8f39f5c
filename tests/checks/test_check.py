# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check says of itself."""

from __future__ import annotations

from typing import ClassVar

from emu.checks import Check, describe_checks
from emu.checks.check import Description, describe_check


class Example(Check):
    """A rule is
    broken.

    Proves: this,
    over two lines.
    Cannot see: that.

    Cost: nothing.
    """

    name = "example"
    default: ClassVar[bool] = False


class Bare:
    """An observer."""


def test_a_description() -> None:
    expected = Description("example", False, "A rule is broken.", "this, over two lines.", "that.", "nothing.")
    assert describe_check("example", Example) == expected
    assert describe_check("example", Example()) == expected


def test_what_is_no_check() -> None:
    assert describe_check("bare", Bare()) == Description("bare", False, "An observer.", "", "", "")


def test_every_check_says_what_it_is_worth() -> None:
    described = describe_checks()
    assert described
    for each in described:
        assert all((each.summary, each.proves, each.cannot_see, each.cost)), each
        assert each.summary.endswith("."), each
