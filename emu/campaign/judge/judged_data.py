# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the right bytes landed: a prefix of the source, nothing else, and no byte outside the target."""

from __future__ import annotations

from typing import Final

from emu.campaign.experiment.landing import POISON, RED_ZONE, Landing, poison_for

ZONE: Final = bytes((POISON,)) * RED_ZONE

_from_bytes = int.from_bytes


def landed_prefix(content: bytes, region: bytes, most: int) -> int | None:
    """Return how many bytes landed, `most` as a rule, where nothing but them was written; else None."""
    if region == ZONE + content[:most] + poison_for(content[most:]) + ZONE:
        return most
    length = len(content)
    difference = _from_bytes(content, "big") ^ _from_bytes(region[RED_ZONE : RED_ZONE + length], "big")
    prefix = length - (difference.bit_length() + 7 >> 3)
    return prefix if region == ZONE + content[:prefix] + poison_for(content[prefix:]) + ZONE else None


def describe_data(content: bytes, region: bytes, least: int, most: int) -> str:
    """Say which byte of a target is not as it must be; empty where at least and at most so many landed in order."""
    length = len(content)
    landing = Landing.compare(content, region)
    for run in landing.runs:
        if run.fate == "wrong":
            return _wrong(run.first, run.length, content, region)
    if landing.damage:
        at = landing.damage[0]
        where = "before the first one" if at < 0 else "behind the last one"
        return f"byte {at}, {where}, was written: it is {region[RED_ZONE + at]:#04x}"
    prefix = landing.prefix
    stray = landing.runs[2 if prefix else 1 :][:1]
    if stray:
        missing = _bytes(prefix, stray[0].first - prefix, length)
        return f"{missing} never landed" + (f", but byte {stray[0].first} did" if most < length else "")
    if prefix > most:
        return f"{_bytes(most, prefix - most, length)} landed, although byte {most} could not be copied"
    if prefix < least:
        return f"{_bytes(prefix, least - prefix, length)} never landed"
    return ""


def _wrong(at: int, count: int, content: bytes, region: bytes) -> str:
    found, wanted = region[RED_ZONE + at], content[at]
    if count == 1:
        return f"byte {at} of {len(content)} is {found:#04x} in place of {wanted:#04x}"
    return f"{_bytes(at, count, len(content))} are wrong, the first is {found:#04x} in place of {wanted:#04x}"


def _bytes(first: int, count: int, length: int) -> str:
    return f"byte {first} of {length}" if count == 1 else f"bytes {first} to {first + count - 1} of {length}"
