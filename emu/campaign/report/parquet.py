# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as Parquet, for DuckDB, pandas and Polars: a row an experiment, with the columns of the CSV.

Needs pyarrow, which the extra `[parquet]` brings. Texts that repeat are dictionary-encoded; `explanation`, `replay_id`
and `minimal_id` are null where the CSV has nothing. A row group holds `ROWS` of them, so that a campaign of any size is
written in the memory of one.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, BinaryIO, Final, TypeAlias

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.report.csv_report import COLUMNS
from emu.campaign.report.results import CampaignResults, Result
from emu.trace.formats.pyarrow import import_pyarrow

ROWS: Final = 1 << 17

Arrow: TypeAlias = Any
"""The `pyarrow` module, or something of it: it has no type information."""


def write(campaign: CampaignResults, stream: BinaryIO) -> None:
    """Write all that is done. Raises `ExperimentError` without pyarrow, OSError."""
    arrow, parquet = import_pyarrow("pyarrow", ExperimentError), import_pyarrow("pyarrow.parquet", ExperimentError)
    schema = _schema(arrow)
    results = campaign.results()
    with parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        while batch := list(islice(results, ROWS)):
            writer.write_table(arrow.table(_columns(arrow, schema, campaign, batch), schema=schema))


def _schema(arrow: Arrow) -> Arrow:
    texts, text = arrow.dictionary(arrow.int32(), arrow.string()), arrow.string()
    types = {
        "number": arrow.uint64(),
        "verdict": texts,
        "routine": texts,
        "profile": texts,
        "length": arrow.uint64(),
        "source_offset": arrow.uint16(),
        "target_offset": arrow.uint16(),
        "irql": arrow.uint8(),
        "faults": texts,
        "explanation": texts,
        "replay_id": text,
        "minimal_id": text,
    }
    return arrow.schema([(name, types[name]) for name in COLUMNS])


def _columns(arrow: Arrow, schema: Arrow, campaign: CampaignResults, results: list[Result]) -> list[Arrow]:
    cases = [campaign.case(result.number) for result in results]
    values: dict[str, list[Any]] = {
        "number": [result.number for result in results],
        "verdict": [result.verdict.label for result in results],
        "routine": [campaign.title] * len(results),
        "profile": [str(case.profile) for case in cases],
        "length": [case.length for case in cases],
        "source_offset": [case.source_offset for case in cases],
        "target_offset": [case.target_offset for case in cases],
        "irql": [case.irql for case in cases],
        "faults": [" ".join(map(str, case.faults)) for case in cases],
        "explanation": [result.explanation or None for result in results],
        "replay_id": [result.replay_id or None for result in results],
        "minimal_id": [result.minimal_id or None for result in results],
    }
    return [_column(arrow, schema.field(name).type, values[name]) for name in COLUMNS]


def _column(arrow: Arrow, kind: Arrow, values: list[Any]) -> Arrow:
    if arrow.types.is_dictionary(kind):
        return arrow.array(values, kind.value_type).dictionary_encode()
    return arrow.array(values, kind)
