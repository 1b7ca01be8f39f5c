# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as a page: what is in it, read back; how large it is; that it reaches for nothing."""

import re
from collections import Counter
from pathlib import Path

import pytest

from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.plan.axis import Axis
from emu.campaign.plan.case import CopyCase
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.campaign.report import html
from emu.profile import Profile
from tests.campaign.report.made_store import first_byte, judged, make_store, small_sweep
from tests.campaign.report.page_blocks import cell_of, page_of

MOST_BYTES = 4_000_000


@pytest.mark.parametrize("sample", [None, 777])
def test_the_maps_hold_every_experiment(tmp_path: Path, sample: int | None) -> None:
    sweep = small_sweep(sample=sample, seed=6, irqls=Axis.parse("0-1"))
    page = page_of(make_store(tmp_path / "c.store", sweep))
    expected: Counter[tuple[str, str, int, int]] = Counter()
    for number in sweep.numbers():
        case = sweep.case(number)
        cell = cell_of(page.about, case.source_offset % 16, case.target_offset % 16, case.length, first_byte(case))
        kind = f"{case.faults[0].kind}@every-byte" if case.faults else "no fault"
        expected[str(case.profile), kind, judged(case).kind, cell] += 1
    found: Counter[tuple[str, str, int, int]] = Counter()
    for (layer, verdict, cell), count in page.counts.items():
        profile, fault = page.about["layers"][layer]
        found[page.about["profiles"][profile], page.about["faults"][fault], verdict, cell] += count
    assert found == expected
    if sample is None:
        assert set(found.values()) == {2}, "one of each IRQL"


def test_what_is_not_correct_has_its_text(tmp_path: Path) -> None:
    sweep = small_sweep()
    campaign = make_store(tmp_path / "c.store", sweep)
    page = page_of(campaign)
    failing = {result.number: result for result in campaign.failing()}
    assert sorted(text["number"] for text in page.texts) == sorted(failing)
    assert [text["cell"] for text in page.texts] == sorted(text["cell"] for text in page.texts)
    for text in page.texts:
        result = failing[text["number"]]
        assert (text["verdict"], text["explanation"]) == (result.verdict, result.explanation)
        assert (text["identity"], text["minimal"]) == (result.replay_id, result.minimal_id)
        assert page.counts[text["layer"], text["verdict"], text["cell"]] > 0


def test_texts_are_capped_and_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MOST_TEXTS", 40)
    page = page_of(make_store(tmp_path / "c.store", small_sweep()))
    assert len(page.texts) == 40
    assert page.about["elsewhere"].startswith("this page keeps 40 at most")
    bad = sum(count for (_, verdict, _), count in page.counts.items() if verdict)
    assert bad == sum(entry["count"] for entry in page.about["classes"][1:]) > 40
    per_pair = len(page.about["axes"]["lengths"]) * len(page.about["axes"]["bytes"])
    maps = Counter(text["cell"] // per_pair for text in page.texts)
    assert set(maps) == set(range(16)), "every map with a failure has its share"


def test_the_head_says_what_was_swept_and_how_it_ended(tmp_path: Path) -> None:
    sweep = small_sweep()
    about = page_of(make_store(tmp_path / "c.store", sweep)).about
    assert about["title"] == "CopyFromUser"
    assert about["sweep"] == str(sweep)
    counts = {entry["label"]: entry["count"] for entry in about["classes"]}
    bad = sum(counts.values()) - counts["correct"]
    assert about["summary"] == f"6,240 experiments; {bad} are not correct"
    assert dict(about["facts"])["lengths"] == "0-12"
    part = page_of(make_store(tmp_path / "part.store", sweep, lambda _: CORRECT, range(100))).about
    assert part["summary"] == "100 of 6,240 experiments; every one is correct"


def test_severity_and_letters_name_every_class_once() -> None:
    assert sorted(html.SEVERITY) == list(VerdictClass)
    assert html.SEVERITY[0] is VerdictClass.CORRECT
    assert len({letter for letter, _ in html.MEANINGS.values()}) == len(VerdictClass)


def test_every_class_has_its_colours_in_both_themes(tmp_path: Path) -> None:
    text = page_of(make_store(tmp_path / "c.store", small_sweep(sample=5))).text
    for kind in VerdictClass:
        assert len(re.findall(rf"--{kind.label}: #[0-9a-f]{{6}};", text)) == 2
        assert len(re.findall(rf"--on-{kind.label}: #[0-9a-f]{{6}};", text)) == 2


def test_a_page_asks_for_nothing_and_text_is_no_markup(tmp_path: Path) -> None:
    evil = Verdict(VerdictClass.WRONG_DATA, '</script><script>alert("&lt;")</script>')
    page = page_of(make_store(tmp_path / "c.store", small_sweep(sample=5), lambda _: evil))
    assert "alert(" not in page.text
    assert {text["explanation"] for text in page.texts} == {evil.detail}
    assert not re.search(r"""(src|href)=["'](?!data:)""", page.text)
    assert not re.search(r"https?://|@import|url\(", page.text)
    assert "default-src 'none'" in page.text


@pytest.mark.sweep
@pytest.mark.parametrize("broken", [False, True])
def test_a_million_experiments_are_a_few_megabytes(tmp_path: Path, broken: bool) -> None:
    sweep = small_sweep(
        lengths=Axis.parse("0-128"),
        source_offsets=Axis.parse("0-15"),
        target_offsets=Axis.parse("0-15"),
        profiles=tuple(map(Profile, ("nehalem", "haswell", "skylake-server", "epyc"))),
        faults=parse_fault_choices(["none@every-byte,guard@every-byte,in-page-error@every-byte,paged-out@every-byte"]),
        sample=1_000_000,
    )

    def fails(case: CopyCase) -> Verdict:
        return Verdict(VerdictClass.WRONG_DATA, f"byte {first_byte(case)} landed") if broken else CORRECT

    campaign = make_store(tmp_path / "c.store", sweep, fails)
    path = tmp_path / "c.html"
    with path.open("w", encoding="utf-8") as stream:
        html.write(campaign, stream)
    print(f"{path.stat().st_size:,} bytes")
    assert path.stat().st_size <= MOST_BYTES
