# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzz targets by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

CORPUS: Final = Path(__file__).parent / "corpus"

NAMES: Final = ("loader", "unwinder", "dispatcher", "programs")


class Target(NamedTuple):
    """A function of bytes that raises for a bug and for nothing else, and where mutation begins."""

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def load_target(name: str) -> Target:
    """Import a target."""
    module = importlib.import_module(f"tests.fuzz.{name}")
    return Target(name, module.run, tuple(module.SEEDS))


def corpus_path(name: str) -> Path:
    """Return where the corpus of a target is kept."""
    return CORPUS / f"{name}.txt"


def read_corpus(name: str) -> Iterator[tuple[str, bytes]]:
    """Give every kept input with its name: what it once found; empty where it only reaches something."""
    path = corpus_path(name)
    for line in path.read_text().splitlines() if path.is_file() else []:
        if line and not line.startswith("#"):
            title, _, digits = line.rpartition(" ")
            yield title, bytes.fromhex(digits)
