# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu copy --json`: the documented keys, and the same facts as the display."""

import json
from typing import Any

import pytest

from tests.cli.command_line import Emu

KEYS = {"replay", "clean", "experiment", "outcome", "verdict", "source", "target", "pages", "events"}


def data_of(emu: Emu, line: str) -> dict[str, Any]:
    ran = emu("copy", *line.split(), "--json")
    assert ran.err == ""
    data: dict[str, Any] = json.loads(ran.out)
    assert data.keys() == KEYS
    assert ran.status == (0 if data["clean"] else 1)
    assert emu("replay", data["replay"], "--json") == ran
    return data


def test_a_fault(emu: Emu) -> None:
    data = data_of(emu, "--length 96 --fault none@src+77")
    outcome = data["outcome"]
    assert (outcome["kind"], outcome["operation"]) == ("raised", "read")
    assert outcome["byte"] == {"buffer": "source", "offset": 77}
    assert outcome["fault_address"] == f"{int(data['source']['address'], 16) + 77:#x}"
    assert outcome["handler"] == "ntoskrnl!KiGuardedCall"
    assert (data["target"]["landed"], data["target"]["prefix"], data["target"]["complete"]) == (77, 77, False)
    assert [run["fate"] for run in data["target"]["runs"]] == ["landed", "untouched"]
    assert data["target"]["after"][: 77 * 2] == data["source"]["before"][: 77 * 2]
    assert data["pages"][1]["before"] == {"user": True, "protection": "rw", "state": "none"}
    trap = data["events"][0]
    assert (trap["event"], trap["name"], trap["vector"]) == ("trap-taken", "page fault (#PF)", 14)
    assert trap["at"].startswith("umaccess!CopyFromUser+")
    assert trap["instruction"] == "movzx eax, byte ptr [rsi]"
    assert trap["source_line"]["file"] == "copy.inc"
    assert trap["source_line"]["text"].split() == ["movzx", "eax,", "byte", "ptr", "[rsi]"]
    assert [event["event"] for event in data["events"][1:]] == [
        "exception-raised",
        "frame-searched",
        "frame-searched",
        "filter-answered",
        "frame-unwound",
        "frame-unwound",
        "landed",
    ]
    assert data["events"][3]["handler_name"] == "__C_specific_handler"


def test_a_bugcheck(emu: Emu) -> None:
    outcome = data_of(emu, "--fault ro@dst+5")["outcome"]
    assert (outcome["kind"], outcome["code"]) == ("bugchecked", "0xbe")
    assert outcome["name"] == "ATTEMPTED_WRITE_TO_READONLY_MEMORY"
    assert [parameter.keys() for parameter in outcome["parameters"]] == [{"value", "meaning", "doubtful"}] * 4


@pytest.mark.parametrize(
    ("line", "kind"),
    [("", "returned"), ("--fault paged-out@src+0", "returned"), ("--budget 5 --length 100", "timed-out")],
)
def test_the_other_endings(emu: Emu, line: str, kind: str) -> None:
    assert data_of(emu, line)["outcome"]["kind"] == kind


def test_what_a_judge_says(emu: Emu) -> None:
    assert data_of(emu, "--fault none@src+5")["verdict"] == {"class": "correct", "detail": ""}
    timed_out = data_of(emu, "--budget 5 --length 100")["verdict"]
    assert timed_out["class"] == "timeout"
    assert timed_out["detail"].startswith("it never ended: 5 blocks were used up at umaccess!CopyFromUser+")
