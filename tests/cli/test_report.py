# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu report`: the files it writes from a store of a real campaign, the summary, and its mistakes."""

import csv
import io
import json
import re
import xml.etree.ElementTree
from pathlib import Path

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from emu.campaign.run.store import Store
from emu.cli import main
from emu.cli.report import REPORT_FORMATS
from tests.cli.command_line import Emu, run_program

BROKEN = Path(__file__).parent.parent / "campaign" / "broken" / "off_by_one_in_tail.S"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "bug.store"
    sweep = ("--lengths", "0-9", "--profiles", "nehalem,epyc", "--faults", ",none@every-byte", "--workers", "1")
    assert main(["inject", "OffByOneInTail", "--image", str(BROKEN), *sweep, "--store", str(path)]) == 1
    return path


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_extension_chooses_the_format(emu: Emu, store: Path) -> None:
    names = ("r.html", "r.json", "r.xml", "r.csv", "r.parquet")
    ran = emu("report", str(store), *(word for name in names for word in ("-o", name)))
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    with Store.open(store) as opened:
        total, failing = opened.total, [row.number for row in opened.rows()]
    data = json.loads(Path("r.json").read_text())
    assert [failure["number"] for failure in data["failures"]] == failing
    with Path("r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == total
    assert [int(row["number"]) for row in rows if row["verdict"] != "correct"] == failing
    assert pyarrow.parquet.read_table("r.parquet").num_rows == total
    root = xml.etree.ElementTree.parse("r.xml").getroot()
    assert len(root.findall(".//testcase")) == 2 * 2 * 10
    page = Path("r.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")
    assert sorted(each.name for each in Path().iterdir()) == sorted(names)


def test_a_summary_without_a_file(emu: Emu, store: Path) -> None:
    ran = emu("report", str(store))
    assert (ran.status, ran.err) == (0, "")
    assert "130 of 130 experiments are done" in " ".join(ran.out.split())
    assert re.search(r"^  engine +2\.\d", ran.out, re.MULTILINE)
    assert "  wrong-data  byte 0 of 1 never landed\n" in ran.out
    assert "Resume" not in ran.out


def test_json_is_the_json_report(emu: Emu, store: Path) -> None:
    emu("report", str(store), "-o", "r.json")
    ran = emu("report", str(store), "--json")
    assert ran.status == 0
    assert ran.out == Path("r.json").read_text()
    assert json.loads(ran.out)["format"] == "umaccess-emu campaign"


def test_standard_output_and_any_name_need_a_format(store: Path, emu: Emu) -> None:
    ran = run_program("report", str(store), "-o", "-", "--format", "csv")
    assert (ran.status, ran.err) == (0, "")
    assert len(list(csv.reader(io.StringIO(ran.out)))) == 131
    assert emu("report", str(store), "-o", "results", "--format", "junit").status == 0
    assert Path("results").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("-o", "r.docx"), "-o r.docx: no known extension; known: .html, .htm, .json, .xml, .csv, .parquet"),
        (("-o", "r", "--format", "pdf"), "--format 'pdf' does not exist; known: html, json, junit, csv, parquet"),
        (("--format", "csv"), "--format csv is about the files of -o; give one with -o FILE"),
        (("-o", "r.csv", "--json"), "--json writes the JSON report to standard output; leave it out, or -o"),
        (("-o", "nowhere/r.csv"), "nowhere/r.csv: No such file or directory"),
    ],
)
def test_mistakes_are_one_line(emu: Emu, store: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = emu("report", str(store), *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"emu: {says}")
    assert ran.err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_what_is_no_store_is_refused(emu: Emu) -> None:
    Path("text.store").write_text("hello")
    for name, says in {"nowhere.store": "does not exist", "text.store": "it is no SQLite database"}.items():
        ran = emu("report", name, "-o", "r.html")
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert says in ran.err
    assert not Path("r.html").exists()


def test_the_help_names_the_formats(emu: Emu) -> None:
    shown = emu("report", "--help").out
    for known in REPORT_FORMATS:
        assert known.suffixes[0] in shown
        assert known.name in shown
