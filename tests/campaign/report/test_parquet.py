# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as Parquet: what pyarrow reads back is what the CSV has."""

import csv
import importlib
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from emu.campaign import ExperimentError
from emu.campaign.report import csv_report, parquet
from tests.campaign.report.made_store import make_store, small_sweep


def test_the_rows_are_those_of_the_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 1000)
    campaign = make_store(tmp_path / "c.store", small_sweep())
    path = tmp_path / "c.parquet"
    with path.open("wb") as stream:
        parquet.write(campaign, stream)
    text = io.StringIO(newline="")
    csv_report.write(campaign, text)
    table = pyarrow.parquet.read_table(path)
    assert tuple(table.column_names) == csv_report.COLUMNS
    rows = list(csv.DictReader(io.StringIO(text.getvalue(), newline="")))
    found = [{name: "" if value is None else str(value) for name, value in row.items()} for row in table.to_pylist()]
    assert found == rows
    file = pyarrow.parquet.ParquetFile(path)
    assert file.num_row_groups == 7
    assert table["explanation"].null_count == table["replay_id"].null_count
    assert path.stat().st_size < len(text.getvalue()) / 4


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(ExperimentError, match=r"pip install 'umaccess-emu\[parquet\]'"):
        parquet.write(make_store(tmp_path / "c.store", small_sweep(sample=3)), io.BytesIO())
