# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the pages of the manual that come from the code: `python -m docs.generate`.

A test compares them with what is in the tree.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import ModuleType

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from docs.accessor_conformance import conformance
from docs.accessor_tables import clauses, family
from docs.assembly_grammar import directives
from docs.bug_classes import bug_classes
from docs.check_list import checks
from docs.fault_grammar import faults
from emu.campaign import parse_replay_id
from emu.campaign.report import csv_report, json_report
from emu.campaign.run.laboratory import judge_experiment
from emu.campaign.run.store import APPLICATION_ID, FORMAT, SCHEMA
from emu.cli.display import display_copy
from emu.nt.bugcheck import BUGCHECK_PARAMETERS
from emu.profile import CPU_MODELS, PRIMITIVES, SMAP_POLICIES
from tests.conformance.seh.programs import PROGRAMS, wine_differences

HERE = Path(__file__).parent
MARK = "*best estimate*"


def bugchecks() -> str:
    """Return the page of the bugchecks' parameters."""
    lines = [
        "# Bugchecks",
        "",
        "The parameters of every bugcheck code in use (Microsoft Learn, bug check code reference). "
        f"{MARK} marks what differs between Windows builds or what public sources disagree about.",
        "",
        "| code | P1 | P2 | P3 | P4 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for code, parameters in BUGCHECK_PARAMETERS.items():
        cells = [f"{p.meaning} {MARK}" if p.doubtful else p.meaning for p in parameters]
        lines.append(f"| {code:#x} `{code.name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def profiles() -> str:
    """Return the part of the text forms' page that lists profiles."""
    lines = ["| model | | SMEP | SMAP | ERMS | AVX |", "| --- | --- | --- | --- | --- | --- |"]
    for name, model in CPU_MODELS.items():
        has = (model.smep, model.smap, model.erms, model.avx)
        lines.append(f"| `{name}` | {model.description} | {' | '.join('yes' if yes else '' for yes in has)} |")
    lines += ["", "| `smap=` | |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in SMAP_POLICIES.items()]
    lines += ["", "| `primitives=` | |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in PRIMITIVES.items()]
    return "\n".join(lines) + "\n"


PICTURED = "CopyFromUser/len=96/src=+4019/dst=+0/profile=skylake-server/data=7/irql=0/none@src+77"
PICTURE_WIDTH = 110


def picture() -> str:
    """Return what `make run` shows, as a picture. The fonts are the reader's own: nothing is fetched."""
    console = Console(
        record=True, width=PICTURE_WIDTH, force_terminal=True, color_system="truecolor", file=io.StringIO()
    )
    experiment = parse_replay_id(PICTURED)
    shown = display_copy(experiment.run(), PICTURE_WIDTH, judge_experiment(experiment))
    console.print(*shown, sep="\n")
    without_web_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(
        title="emu copy --length 96 --fault none@src+77", code_format=without_web_fonts, unique_id="copy"
    )


def campaign_store() -> str:
    """Return the part of the campaigns' page that is the store's schema."""
    head = f"PRAGMA application_id = {APPLICATION_ID:#x};\nPRAGMA user_version = {FORMAT};"
    return f"```sql\n{head}\n\n{SCHEMA.strip()}\n```\n"


def documented(module: ModuleType) -> str:
    """Return the keys or columns that a report's module documents."""
    _, keys = (module.__doc__ or "").split("\n\n", maxsplit=1)
    return f"```text\n{keys.strip()}\n```\n"


def wine() -> str:
    """Return the page of what Wine does otherwise."""
    lines = [
        "# Compared with Wine",
        "",
        "`make test-wine` runs the programs of `tests/conformance/seh/` as user-mode executables under Wine, at -O0 "
        "and -O2. Wine's exception handling owes this one nothing; what the programs write down is the same, but for "
        "this:",
        "",
        "| program | what is different, and why |",
        "| --- | --- |",
        *(f"| `{name}` | {reason} |" for name, reason in wine_differences().items()),
        "",
        "These need what only a kernel has, and are not run there:",
        "",
        "| program | why |",
        "| --- | --- |",
        *(f"| `{each.name}` | {each.reasons['kernel']} |" for each in PROGRAMS if not each.runs_in_user_mode),
    ]
    return "\n".join(lines) + "\n"


PAGES = {
    HERE / "explanation" / "bug-classes.md": bug_classes,
    HERE / "images" / "copy.svg": picture,
    HERE / "reference" / "accessor-clauses.inc": lambda: clauses(ours=False),
    HERE / "reference" / "accessor-decisions.inc": lambda: clauses(ours=True),
    HERE / "reference" / "accessor-family.inc": family,
    HERE / "reference" / "assembly-directives.inc": directives,
    HERE / "reference" / "bugchecks.md": bugchecks,
    HERE / "reference" / "checks.inc": checks,
    HERE / "reference" / "conformance.md": conformance,
    HERE / "reference" / "faults.inc": faults,
    HERE / "reference" / "campaign-csv.inc": lambda: documented(csv_report),
    HERE / "reference" / "campaign-json.inc": lambda: documented(json_report),
    HERE / "reference" / "campaign-store.inc": campaign_store,
    HERE / "reference" / "profiles.inc": profiles,
    HERE / "reference" / "wine.md": wine,
}

if __name__ == "__main__":
    for path, page in PAGES.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(page(), encoding="utf-8")
