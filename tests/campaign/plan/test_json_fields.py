# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON forms: each field has its type, and what is newer, missing or unknown is said."""

from collections.abc import Callable
from typing import Any

import pytest

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.plan.json_fields import JsonFields


def fields(**more: Any) -> JsonFields:
    return JsonFields({"plan": "kind", "version": 2, **more}, "kind", 3)


def test_fields_of_their_types() -> None:
    form = fields(a="text", b=["x", "y"], c=7, d=None, e=-1, f={"any": 1}, g=False)
    assert form.text("a") == "text"
    assert form.texts("b") == ("x", "y")
    assert form.integer("c") == 7
    assert form.optional_integer("d") is None
    assert form.optional_integer("e") == -1
    assert form.take("f") == {"any": 1}
    assert form.boolean("g") is False
    form.finish()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "an object belongs here, not list"),
        ({}, "'plan' is missing"),
        ({"plan": "other", "version": 1}, "its kind is 'other', not 'kind'"),
        ({"plan": "kind"}, "'version' is missing"),
        ({"plan": "kind", "version": "1"}, "'version' is '1'; an integer belongs there"),
        ({"plan": "kind", "version": 4}, "it has version 4, this emu reads up to 3; use the emu that wrote it"),
        ({"plan": "kind", "version": 0}, "there is no version 0"),
    ],
)
def test_the_kind_and_the_version(data: Any, says: str) -> None:
    with pytest.raises(ExperimentError, match=says):
        JsonFields(data, "kind", 3)


@pytest.mark.parametrize(
    ("take", "value", "says"),
    [
        (JsonFields.text, 1, "'a' is 1; a text belongs there"),
        (JsonFields.texts, "x", "'a' is 'x'; a list of texts belongs there"),
        (JsonFields.texts, [1], r"'a' is \[1\]; a list of texts"),
        (JsonFields.integer, True, "'a' is True; an integer belongs there"),
        (JsonFields.integer, 1.0, "'a' is 1.0; an integer"),
        (JsonFields.boolean, 1, "'a' is 1; true or false belongs there"),
        (JsonFields.optional_integer, "", "'a' is ''; an integer or null"),
    ],
)
def test_a_field_of_another_type_is_refused(take: Callable[[JsonFields, str], Any], value: Any, says: str) -> None:
    with pytest.raises(ExperimentError, match=says):
        take(fields(a=value), "a")
    with pytest.raises(ExperimentError, match="'a' is missing"):
        take(fields(), "a")


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ExperimentError, match="'new', 'other': no field of that name is known"):
        fields(new=1, other=2).finish()
