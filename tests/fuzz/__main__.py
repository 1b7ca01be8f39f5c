# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the fuzz targets: `python -m tests.fuzz TARGET --runs N`.

Guided by coverage with atheris (libFuzzer for Python), which is the `fuzz` extra and has wheels for Linux on x86-64;
elsewhere, or with `--plain`, mutation goes on blindly from the corpus, four times as fast. A failing input is shown and
kept in the work directory; put it, with a name that says what was wrong, into the target's file under corpus/, where
the ordinary tests replay it.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Final

from tests.fuzz.record import HEADER_SIZE, MOST_RECORDS, RECORD_SIZE, mutate
from tests.fuzz.targets import NAMES, Target, corpus_path, load_target, read_corpus

MILLION: Final = 1_000_000
SHARES: Final = {"loader": 0.15, "unwinder": 0.45, "dispatcher": 0.2, "programs": 0.2}
"""Of the runs of `all`."""

LONGEST_INPUT: Final = HEADER_SIZE + MOST_RECORDS * RECORD_SIZE
HANG_AFTER: Final = 30
"""Seconds for one input."""
MOST_MEMORY: Final = 2048
"""MiB for the whole process."""


def main() -> int:
    """Read the arguments and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, allow_abbrev=False)
    parser.add_argument("target", choices=(*NAMES, "all"))
    parser.add_argument("--runs", type=_positive, default=MILLION, help="inputs, with `all` in all (10^6)")
    parser.add_argument("--seed", type=_positive, default=1)
    parser.add_argument("--work", type=Path, help="directory for what is found (default: a new temporary one)")
    parser.add_argument("--plain", action="store_true", help="do without coverage even where atheris is there")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="do not fuzz: take what DIR has into the corpus")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="fuzz-"))
    if options.target == "all":
        if options.keep is not None:
            parser.error("--keep takes one target at a time")
        return _run_all(options, work)
    if options.keep is not None:
        return _keep(load_target(options.target), options.keep)
    work = work / options.target
    work.mkdir(parents=True, exist_ok=True)
    faulthandler.enable()
    atheris = None if options.plain else _find_atheris()
    if atheris is None:
        return _fuzz_plainly(load_target(options.target), options.runs, options.seed, work)
    return _fuzz_guided(atheris, options.target, options.runs, options.seed, work)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def _run_all(options: argparse.Namespace, work: Path) -> int:
    for name in NAMES:
        runs = max(1, round(options.runs * SHARES[name]))
        print(f"{name}: {runs:,} inputs", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(runs), "--seed", str(options.seed)]
        command += ["--work", str(work), *(["--plain"] if options.plain else [])]
        status = subprocess.run(command, check=False).returncode
        if status:
            print(f"{name} failed; its input is in {work / name}")
            return 1
    return 0


def _find_atheris() -> ModuleType | None:
    try:
        import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        print(f"not guided by coverage ({error}); on Linux x86-64: pip install 'umaccess-emu[fuzz]'")
        return None
    module: ModuleType = atheris
    return module


def _fuzz_guided(atheris: ModuleType, name: str, runs: int, seed: int, work: Path) -> int:
    with atheris.instrument_imports(include=["emu"]):
        target = load_target(name)
    found = work / "corpus"
    found.mkdir(exist_ok=True)
    for index, data in enumerate(_starting_points(target)):
        (found / f"start-{index:04}").write_bytes(data)

    def mutated(data: bytes, max_size: int, mutation_seed: int) -> bytes:
        random = Random(mutation_seed)
        if random.random() < 0.2:
            changed: bytes = atheris.Mutate(data, max_size)
            return changed
        return mutate(data, random)[:max_size]

    _settle(target)
    flags = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST_INPUT}", f"-timeout={HANG_AFTER}"]
    flags += [f"-rss_limit_mb={MOST_MEMORY}", f"-artifact_prefix={work}/", "-print_final_stats=1", "-len_control=0"]
    atheris.Setup([name, *flags, str(found)], target.run, custom_mutator=mutated)
    atheris.Fuzz()
    return 0


def _fuzz_plainly(target: Target, runs: int, seed: int, work: Path) -> int:
    random = Random(seed)
    pool = _starting_points(target)
    _settle(target)
    started = time.monotonic()
    for count in range(runs):
        data = random.choice(pool)
        for _ in range(random.choice((1, 1, 2, 4, 8))):
            data = mutate(data, random)
        faulthandler.dump_traceback_later(HANG_AFTER, exit=True, file=2)
        try:
            target.run(data)
        except Exception:
            traceback.print_exc()
            (work / "crash").write_bytes(data)
            print(f"{target.name} failed after {count:,} inputs with {data.hex()}")
            return 1
        finally:
            faulthandler.cancel_dump_traceback_later()
    speed = runs / (time.monotonic() - started)
    print(f"{target.name}: {runs:,} inputs without a failure, {speed:,.0f} a second{_peak_memory()}")
    return 0


def _peak_memory() -> str:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return ""
    unit = 1 if sys.platform == "darwin" else 1024
    return f", at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20} MiB of memory"


def _keep(target: Target, directory: Path) -> int:
    from tests.fuzz.minimise import keep  # noqa: PLC0415  # it imports emu, which has to be instrumented first

    if not directory.is_dir():
        print(f"--keep {directory}: no such directory; give a corpus directory that a run has left", file=sys.stderr)
        return 2
    inputs, steps = keep(target, (path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()))
    print(f"{corpus_path(target.name)}: {inputs:,} inputs reach {steps:,} steps from line to line")
    return 0


def _starting_points(target: Target) -> list[bytes]:
    return [*target.seeds, *(data for _, data in read_corpus(target.name))]


def _settle(target: Target) -> None:
    """Have everything made that lives as long as the process; `pefile` collects garbage at every file it refuses."""
    for data in target.seeds:
        target.run(data)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
