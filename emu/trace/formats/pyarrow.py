# SPDX-License-Identifier: GPL-2.0-or-later
"""pyarrow, which comes with an extra and is loaded when Parquet is written."""

from __future__ import annotations

import importlib
from typing import Any


def import_pyarrow(name: str, error: type[Exception]) -> Any:
    """Import `pyarrow` or a module of it. Raises `error` where it is not installed, which says how it is."""
    try:
        return importlib.import_module(name)
    except ImportError as missing:
        raise error(
            f"Parquet needs pyarrow ({missing}); install it with pip install 'umaccess-emu[parquet]'"
        ) from missing
