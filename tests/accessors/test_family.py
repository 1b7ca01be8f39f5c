# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the family against the counts and rules of its documentation."""

import re
from collections import Counter

import pytest

from emu.accessors import CLAUSES, FAMILIES, FAMILY, TYPE_SIZES

TYPES = re.findall(
    r"\w+",
    "Boolean Char UChar Int8 UInt8 Short UShort Int16 UInt16 WChar Long ULong Int32 UInt32 NtStatus Int64 UInt64 "
    "Long64 ULong64 Longlong ULonglong Handle Pointer SizeT SSizeT IntPtr UIntPtr LongPtr ULongPtr",
)


def test_each_family_has_its_documented_count() -> None:
    assert Counter(accessor.family for accessor in FAMILY.values()) == {
        "typed": 174,
        "aggregate": 12,
        "copy": 13,
        "fill": 6,
        "interlocked": 12,
        "string length": 4,
        "struct": 12,
        "filter": 1,
        "primitive": 32,
    }
    assert list(dict.fromkeys(accessor.family for accessor in FAMILY.values())) == list(FAMILIES)


def test_ten_names_are_macros() -> None:
    macros = {name for name, accessor in FAMILY.items() if accessor.kind == "macro"}
    structs = {f"{verb}{mode}" for verb in ("ReadStructFrom", "WriteStructTo") for mode in ("User", "Mode")}
    assert macros == {"CopyFromUserAligned", "CopyFromModeAligned"} | structs | {f"{name}Aligned" for name in structs}


def test_every_type_has_its_six_typed_accessors() -> None:
    expected = [
        name
        for each in TYPES
        for name in (
            f"Read{each}FromUser",
            f"Read{each}FromUserAcquire",
            f"Read{each}FromMode",
            f"Write{each}ToUser",
            f"Write{each}ToUserRelease",
            f"Write{each}ToMode",
        )
    ]
    assert [name for name, accessor in FAMILY.items() if accessor.family == "typed"] == expected


def test_signature_is_a_declaration_of_its_parameters() -> None:
    for accessor in FAMILY.values():
        if accessor.kind == "macro":
            assert accessor.signature == f"{accessor.name}({', '.join(each.name for each in accessor.parameters)})"
            continue
        found = re.fullmatch(r"([A-Z][A-Z0-9_]*) (\w+)\((.*)\)", accessor.signature)
        assert found
        assert (found[1], found[2]) == (accessor.returns, accessor.name)
        declared = [re.fullmatch(r"([\w ]+?) ?(\**)(\w+)", part) for part in found[3].split(", ")]
        assert [part and part[3] for part in declared] == [each.name for each in accessor.parameters]
        for part, parameter in zip(declared, accessor.parameters, strict=True):
            assert part
            assert f"{part[1]}{part[2]}" == parameter.type
            assert (parameter.side != "value") == parameter.type.endswith("*")


def test_direction_follows_from_the_type() -> None:
    for accessor in FAMILY.values():
        for parameter in accessor.parameters:
            if parameter.side == "value" or "const" in parameter.type:
                assert parameter.direction == "in"
            elif accessor.kind == "function":
                assert parameter.direction == ("in/out" if "Interlocked" in accessor.name else "out")


def test_user_side_is_what_the_name_says() -> None:
    for accessor in FAMILY.values():
        sides = {each.name: each.side for each in accessor.user_parameters}
        said = set(re.findall(r"(?:From|To|Fill|Set|Zero)(User|Mode)", accessor.name))
        assert {side.title() for side in sides.values()} == said
        assert (
            ("mode" in sides.values() or accessor.family == "filter")
            == accessor.takes_mode
            == (accessor.mode == "mode")
        )


def test_mode_is_last_but_for_an_alignment() -> None:
    for accessor in FAMILY.values():
        names = [each.name for each in accessor.parameters if each.name != "Alignment"]
        assert ("Mode" in names) == (names[-1] == "Mode")
        assert ("Alignment" in {each.name for each in accessor.parameters}) == accessor.name.endswith("Aligned")


def test_mode_form_is_its_user_form_and_a_mode() -> None:
    for accessor in FAMILY.values():
        if accessor.user_form is None:
            assert accessor.mode != "mode" or accessor.family == "filter"
            continue
        user = FAMILY[accessor.user_form]
        names = [each.name for each in accessor.parameters if each.name != "Mode"]
        assert names == [each.name for each in user.parameters]
        assert (accessor.returns, accessor.width, accessor.primitive) == (user.returns, user.width, user.primitive)


def test_type_and_width() -> None:
    for accessor in FAMILY.values():
        assert accessor.width == TYPE_SIZES.get(accessor.type)
        assert accessor.one_access == (accessor.width in (1, 2, 4, 8))
        if accessor.family in ("typed", "aggregate", "interlocked"):
            value = accessor.returns if accessor.returns != "VOID" else accessor.parameter("Value").type
            assert accessor.type == value
        elif accessor.family != "primitive":
            assert accessor.width is None


def test_primitive_fits_what_stands_on_it() -> None:
    for accessor in FAMILY.values():
        if accessor.primitive is None:
            assert accessor.family == "filter"
            continue
        beneath = FAMILY[accessor.primitive]
        assert beneath.family == "primitive"
        if accessor.one_access:
            assert (beneath.width, beneath.order) == (accessor.width, accessor.order)
        user_form = accessor if accessor.user_form is None else FAMILY[accessor.user_form]
        assert [each.direction for each in user_form.user_parameters] == [
            each.direction for each in beneath.user_parameters
        ]


def test_macro_calls_functions_of_the_family() -> None:
    for accessor in FAMILY.values():
        assert bool(accessor.calls) == (accessor.kind == "macro")
        assert all(FAMILY[name].kind == "function" for name in accessor.calls)


def test_clauses_are_known_and_in_order() -> None:
    for accessor in FAMILY.values():
        assert list(accessor.clauses) == [name for name in CLAUSES if name in accessor.clauses]
        assert accessor.order == "" or accessor.order.replace(" ", "-") in accessor.clauses


def test_every_clause_binds_somebody() -> None:
    assert {clause for accessor in FAMILY.values() for clause in accessor.clauses} == set(CLAUSES)


@pytest.mark.parametrize(
    ("name", "primitive"),
    [
        ("ReadBooleanFromUser", "RtlReadUCharFromUser"),
        ("ReadWCharFromMode", "RtlReadUShortFromUser"),
        ("ReadNtStatusFromUserAcquire", "RtlReadULongFromUserAcquire"),
        ("WriteHandleToUserRelease", "RtlWriteULong64ToUserRelease"),
        ("WriteLargeIntegerToMode", "RtlWriteULong64ToUser"),
        ("ReadUnicodeStringFromUser", "RtlCopyFromUser"),
        ("CopyFromModeNonTemporal", "RtlCopyFromUserNonTemporal"),
        ("CopyFromUserAligned", "RtlCopyFromUser"),
        ("CopyFromUserToMode", "RtlCopyToUserFromUser"),
        ("ZeroModeMemory", "RtlSetUserMemory"),
        ("InterlockedOrToMode", "RtlInterlockedOr32ToUser"),
        ("InterlockedCompareExchange64ToUser", "RtlInterlockedCompareExchange64ToUser"),
        ("WideStringLengthFromMode", "RtlWideStringLengthFromUser"),
        ("WriteStructToModeAligned", "RtlCopyToUser"),
        ("RtlFastFailIfUserPointer", "RtlFastFailIfUserPointer"),
    ],
)
def test_primitive_of(name: str, primitive: str) -> None:
    assert FAMILY[name].primitive == primitive


def test_unknown_parameter() -> None:
    with pytest.raises(KeyError, match="Buffer"):
        FAMILY["CopyFromUser"].parameter("Buffer")
