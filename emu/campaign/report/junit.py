# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as JUnit XML, as CI systems read it (the schema of Jenkins' xUnit plugin, junit-10.xsd).

A test suite is a profile and a fault template, a test case of it a length. A test case with an experiment that is not
correct has a failure, or an error where the emulator could not run one: its message counts the classes, its text has
the replay ids and explanations of the first ones. A test case names in its output how many experiments it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final, TextIO
from xml.sax.saxutils import escape, quoteattr

from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.report.groups import Group, groups
from emu.campaign.report.results import CampaignResults, Result

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (section 2.2)."""


def write(campaign: CampaignResults, stream: TextIO) -> None:
    """Write it."""
    found = list(groups(campaign))
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(f"<testsuites name={_quoted(campaign.title)} {_counted(found)}>\n")
    suites = groupby(sorted(found, key=_suite), _suite)
    for (profile, faults), members in suites:
        _write_suite(campaign, f"{profile} · {faults or 'no fault'}", list(members), stream)
    stream.write("</testsuites>\n")


def _suite(group: Group) -> tuple[str, str]:
    return group.profile, group.faults


def _write_suite(campaign: CampaignResults, name: str, members: list[Group], stream: TextIO) -> None:
    stream.write(f" <testsuite name={_quoted(f'{campaign.title} · {name}')} {_counted(members)}>\n")
    stream.write("  <properties>\n")
    for key, value in campaign.facts:
        stream.write(f"   <property name={_quoted(key)} value={_quoted(value)}/>\n")
    stream.write("  </properties>\n")
    class_name = _quoted(f"{campaign.title}.{name.replace('.', '_')}")
    for group in sorted(members, key=lambda each: each.length):
        stream.write(f'  <testcase name="length {group.length}" classname={class_name}>\n')
        if group.failures:
            _write_failure(group, stream)
        stream.write(f"   <system-out>{group.done} experiments</system-out>\n")
        stream.write("  </testcase>\n")
    stream.write(" </testsuite>\n")


def _write_failure(group: Group, stream: TextIO) -> None:
    element = "error" if _is_error(group) else "failure"
    bad = [(kind, count) for kind, count in sorted(group.counts.items()) if kind is not VerdictClass.CORRECT]
    message = f"{', '.join(f'{count} {kind.label}' for kind, count in bad)} of {group.done} experiments"
    kinds = " ".join(kind.label for kind, _ in bad)
    stream.write(f"   <{element} message={_quoted(message)} type={_quoted(kinds)}>")
    stream.write(_escaped("\n".join(map(_describe, group.failing))))
    if group.failures > len(group.failing):
        stream.write(f"\n{group.failures - len(group.failing)} more; emu report STORE -o results.csv has them all")
    stream.write(f"</{element}>\n")


def _describe(result: Result) -> str:
    lines = [f"{result.verdict.label}: {result.explanation}", f"  emu replay {result.replay_id}"]
    if result.minimal_id:
        lines.append(f"  emu replay {result.minimal_id}  (minimal)")
    return "\n".join(lines)


def _is_error(group: Group) -> bool:
    """Return whether all that is not correct is an experiment that could not be run."""
    return group.failures == group.counts[VerdictClass.EMULATOR_ERROR]


def _counted(members: Iterable[Group]) -> str:
    members = list(members)
    failing = [group for group in members if group.failures]
    errors = sum(map(_is_error, failing))
    return f'tests="{len(members)}" failures="{len(failing) - errors}" errors="{errors}"'


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))
