# SPDX-License-Identifier: GPL-2.0-or-later
"""The verbs and their options.

Click, and not Typer on top of it: Typer needs Pydantic, and the two take longer to import than a machine takes to boot,
copy and fault.
"""

from __future__ import annotations

from typing import Any

import click

from emu.cli.shared_options import (
    as_json,
    budget_option,
    call_fault_option,
    checks_option,
    image_option,
    irql_option,
    output_option,
    profile_option,
    stub_option,
    unguarded_option,
)


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from emu.cli.doctor import describe_versions  # noqa: PLC0415 (each verb imports what it needs)
        from emu.cli.output import write  # noqa: PLC0415

        write(describe_versions() + "\n")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the versions."
)
def app() -> None:
    """What really happens when Windows kernel code touches user memory."""


@app.command()
@click.option("--length", type=int, metavar="N", help="Bytes to copy; by default 64, or all of the text or file.")
@click.option("--text", metavar="TEXT", help="Copy this text, in UTF-8. Without it and --file, a pattern is copied.")
@click.option("--file", metavar="FILE", help="Copy this file's bytes.")
@click.option(
    "--source-offset",
    type=int,
    metavar="N",
    help="Where in its page the source starts, 0 to 4095; by default so that the first byte that a fault names "
    "begins a page.",
)
@click.option("--target-offset", type=int, metavar="N", help="The same for the target.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="A page state at a byte of the source or the target: none@src+37, ro@dst+0. States: unmapped, none, ro, "
    "guard, paged-out, in-page-error[=STATUS]; with ,access=K from the k-th access on. Also flip=MASK@src+3, "
    "skip@cpu,insn=N and others: docs/reference/text-forms.md. May be repeated.",
)
@profile_option
@irql_option
@image_option
@click.option(
    "--routine",
    default="CopyFromUser",
    show_default=True,
    metavar="NAME",
    help="The routine to call, with target, source and length.",
)
@budget_option
@checks_option
@as_json
def copy(as_json: bool, **options: Any) -> int:
    """Copy from user to kernel memory.

    Shows what landed, what faulted, who handled it, and the replay id that does it again.
    """
    from emu.cli.copy import CopyOptions, run_copy  # noqa: PLC0415

    return run_copy(CopyOptions(**options), as_json=as_json)


# An integer may be negative: what looks like an option and is none is an argument, which its parser refuses.
@app.command(context_settings={"ignore_unknown_options": True})
@click.argument("routine")
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@image_option
@call_fault_option
@stub_option
@profile_option
@irql_option
@unguarded_option
@budget_option
@checks_option
@as_json
def run(as_json: bool, **options: Any) -> int:
    """Call a routine.

    ARG is an integer, or memory: user:64 (a pattern), kernel:64 (zeroes), user:=TEXT, user:@FILE, kernel:=TEXT,
    kernel:@FILE. Shows what happened, what the buffers hold afterwards, and how it ended.
    """
    from emu.cli.run import RunOptions, run_run  # noqa: PLC0415

    return run_run(RunOptions(**options), as_json=as_json)


@app.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--function",
    "functions",
    multiple=True,
    metavar="NAME",
    help="Only this function, with its chained parts. May be repeated.",
)
@click.option("--check", is_flag=True, help="Check the data against the code instead; exit status 1 with a finding.")
@click.option(
    "--call",
    metavar="'ROUTINE ARG…'",
    help="With --check: make this call, unwind at every instruction of it in the FILEs, and compare with the true "
    "caller. ARG as for `emu run`; the options below are those of the call.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="A page state at a byte of a memory argument, as for `emu run`: none@arg1+37. May be repeated.",
)
@stub_option
@profile_option
@irql_option
@unguarded_option
@budget_option
@as_json
def unwind(as_json: bool, **options: Any) -> int:
    """Show a module's function table, or check it.

    FILE is an image (.sys .dll), or .S .c .obj .lib, which are built together. For each function: its unwind codes
    beside the instructions that they describe, its chain, its handler and the scopes. --check proves them.
    """
    from emu.cli.unwind import UnwindOptions, run_unwind  # noqa: PLC0415

    return run_unwind(UnwindOptions(**options), as_json=as_json)


# As for `run`, an integer may be negative.
@app.command(context_settings={"ignore_unknown_options": True})
@click.argument("routine", required=False)
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@image_option
@call_fault_option
@stub_option
@profile_option
@irql_option
@unguarded_option
@budget_option
@click.option(
    "--only",
    multiple=True,
    metavar="PLACE",
    help="Only instructions of this function (by its symbol) or module (by its name). May be repeated.",
)
@click.option(
    "--begin",
    metavar="PLACE",
    help="Begin each time the instruction at this symbol, symbol+0x10 or address comes; all before is left out.",
)
@click.option("--end", metavar="PLACE", help="End each time before the instruction there.")
@click.option("--user-only", is_flag=True, help="Leave out accesses to kernel pages.")
@click.option("--last", type=int, metavar="N", help="Only the last N instructions.")
@output_option(
    "Write a file instead of the listing, its format by its extension: .txt .jsonl .tenet .drcov .info .json "
    "(Trace Event) .parquet .html .trace. - is standard output. May be repeated."
)
@click.option("--format", "format_name", metavar="NAME", help="The format of the files, whatever they are called.")
@click.option(
    "--range", "listed", metavar="A:B", help="List instructions A up to, not including, B; either may be left out."
)
@click.option("--no-fold", is_flag=True, help="List each round of a loop and each iteration of rep.")
@click.option(
    "--summary",
    is_flag=True,
    help="Instead of the listing: for each byte of the arguments who read and wrote it, and where the work was done.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Flush each line of the listing as it is made. Lines are made when the call has ended, from its log.",
)
@checks_option
@click.option("--from", "source", metavar="FILE", help="Instead of a call, show or convert a .trace file.")
@click.option(
    "--diff",
    nargs=2,
    metavar="A B",
    help="Compare two .trace files: exit status 1, and where and how they part, unless they are equal.",
)
@as_json
def trace(as_json: bool, **options: Any) -> int:
    """Call a routine and show every instruction of it.

    ARG and what is about the call are as for `emu run`. The listing has each instruction with its source line and what
    it read and wrote, and the faults, handlers and calls of the kernel between them; repetitions are folded.
    """
    from emu.cli.trace import TraceOptions, run_trace  # noqa: PLC0415

    return run_trace(TraceOptions(**options), as_json=as_json)


@app.command(context_settings={"ignore_unknown_options": True})
@click.argument("routine", required=False)
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@image_option
@call_fault_option
@stub_option
@profile_option
@irql_option
@unguarded_option
@budget_option
@click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="FILE",
    help="Add what the run in this .trace file reached; with or without a call. May be repeated.",
)
@click.option(
    "--module",
    "modules",
    multiple=True,
    metavar="NAME",
    help="Only this module; by default those of --image, without one all. May be repeated.",
)
@output_option(
    "Write a file, too, its format by its extension: .info .lcov .drcov. - is standard output, and then there is "
    "nothing else on it. May be repeated."
)
@click.option("--format", "format_name", metavar="NAME", help="The format of the files: lcov, drcov.")
@as_json
def coverage(as_json: bool, **options: Any) -> int:
    """Show what a call reaches of the source files, and what it does not.

    ARG and what is about the call are as for `emu run`. For each file: its lines, its functions and the parts of its
    __try blocks (body, filter accepted and refused, __except, __finally normal and abnormal); then those never reached.
    """
    from emu.cli.coverage import CoverageOptions, run_coverage  # noqa: PLC0415

    return run_coverage(CoverageOptions(**options), as_json=as_json)


# As for `run`, an integer may be negative.
@app.command(context_settings={"ignore_unknown_options": True})
@click.argument("routine", required=False)
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@click.option("--lengths", metavar="NUMBERS", help="Lengths: 64, 0-64, 1,2,4-8, 0-4096:64. By default 0-64.")
@click.option(
    "--source-offsets",
    metavar="NUMBERS",
    help="Where the source starts: 0 to 15 is an alignment, and it lies so that the byte of a fault begins a page "
    "where it can; 16 to 4095 is an offset in a page. By default 0.",
)
@click.option("--target-offsets", metavar="NUMBERS", help="The same for the target; by default 0.")
@click.option(
    "--profiles",
    multiple=True,
    metavar="PROFILES",
    help="Profiles with commas between: nehalem,broadwell,smap=off,epyc. By default skylake-server. May be repeated.",
)
@click.option(
    "--faults",
    multiple=True,
    metavar="FAULTS",
    help="What is injected: none@every-byte, guard@every-access, skip@every-instruction, in-page-error@src+0-15. "
    "A comma means one or the other, & both at once; empty is no fault. Repeated: each with each. By default "
    "none@every-byte.",
)
@click.option("--irql", metavar="NUMBERS", help="IRQLs to call at; by default 0.")
@image_option
@click.option("--data", metavar="DATA", help="What is copied: a pattern's seed, 0x and the bytes, or @FILE.")
@budget_option
@click.option("--sample", type=int, metavar="N", help="Only N of the experiments, drawn evenly over the whole.")
@click.option("--seed", type=int, metavar="S", help="Draw them by this number; by default 0.")
@click.option(
    "--oracle",
    metavar="FILE.py:FUNCTION",
    help="Judge with your own function: it takes an Observation and returns True, or says what is wrong.",
)
@click.option("--store", metavar="FILE", help="Keep the results in a new file. Without it they are shown and gone.")
@click.option("--resume", metavar="FILE", help="Go on with the campaign in this file.")
@click.option(
    "--workers", type=int, metavar="N", help="Processes that run experiments; by default one a core if it is worth it."
)
@click.option("--scheduler", metavar="ADDRESS", help="Have the workers of a Dask scheduler run them: tcp://HOST:PORT.")
@click.option("--local-cluster", type=int, metavar="N", help="The same with a scheduler and N workers started here.")
@click.option(
    "--what-if",
    is_flag=True,
    help="Instead of copies: make the call ROUTINE ARG… once, and again with each of its accesses to user memory and "
    "each allocation failing in turn. --faults says how accesses fail: none,guard,in-page-error.",
)
@click.option("--pairs", is_flag=True, help="With --what-if: two failures at once, too.")
@click.option("--must-return", is_flag=True, help="With --what-if: no exception may leave the routine.")
@stub_option
@unguarded_option
@click.option(
    "--checks",
    metavar="CHECKS",
    help="Check 64 of the experiments, too, drawn evenly over the whole: default, all, or names with commas between. "
    "Exit status 1 with a finding.",
)
@as_json
def inject(as_json: bool, **options: Any) -> int:
    """Sweep faults over the copies of a routine, by default CopyFromUser, or over a whole call with --what-if.

    Runs every combination of lengths, offsets, profiles and faults, judges what each left behind, and shows the
    verdicts: how many are correct, and of the others the first ones with the smallest experiment that fails alike.
    """
    from emu.cli.inject import run_inject  # noqa: PLC0415
    from emu.cli.inject_plan import InjectOptions  # noqa: PLC0415

    return run_inject(InjectOptions(**options), as_json=as_json)


@app.command()
@click.argument("store", metavar="STORE")
@output_option(
    "Write a file, its format by its extension: .html .json .xml (JUnit) .csv .parquet. - is standard output. "
    "May be repeated."
)
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    help="The format of the files, whatever they are called: html, json, junit, csv, parquet.",
)
@as_json
def report(as_json: bool, **options: Any) -> int:
    """Report a campaign from its store.

    STORE is a file of `emu inject --store`, also while that runs. Without -o the verdicts are summed up.
    """
    from emu.cli.report import ReportOptions, run_report  # noqa: PLC0415

    return run_report(ReportOptions(**options), as_json=as_json)


@app.command()
@click.argument("identity", metavar="ID")
@click.option("--trace", is_flag=True, help="List every instruction, too.")
@output_option(
    "Write its trace, its format by its extension: .txt .jsonl .tenet .drcov .info .json (Trace Event) .parquet "
    ".html .trace. May be repeated."
)
@click.option("--format", "format_name", metavar="NAME", help="The format of the files, whatever they are called.")
@checks_option
@as_json
def replay(as_json: bool, **options: Any) -> int:
    """Run an experiment again, from its replay id, and judge it."""
    from emu.cli.replay import ReplayOptions, run_replay  # noqa: PLC0415

    return run_replay(ReplayOptions(**options), as_json=as_json)


@app.command()
@click.argument("directory", metavar="[DIR]", default=".")
@as_json
def init(directory: str, as_json: bool) -> int:
    """Begin a project that tests a routine of your own.

    Writes into DIR, by default here, a routine, its tests in Python and in assembly, and a file for GitHub Actions;
    they pass as they are. Overwrites nothing.
    """
    from emu.cli.init import run_init  # noqa: PLC0415

    return run_init(directory, as_json=as_json)


@app.command()
@as_json
def doctor(as_json: bool) -> int:
    """Look whether everything that a machine needs is there and works."""
    from emu.cli.doctor import run_doctor  # noqa: PLC0415

    return run_doctor(as_json=as_json)


@app.command()
@click.argument("names", nargs=-1, metavar="[CHECK]...")
@as_json
def checks(names: tuple[str, ...], as_json: bool) -> int:
    """List the checks that --checks can turn on: what each proves, cannot see and costs."""
    from emu.cli.check_list import run_checks  # noqa: PLC0415

    return run_checks(names, as_json=as_json)


@app.command()
@as_json
def profiles(as_json: bool) -> int:
    """List the CPU models, the SMAP policies and the two kernels."""
    from emu.cli.profiles import run_profiles  # noqa: PLC0415

    return run_profiles(as_json=as_json)


# A wrong word is refused with the known ones by the verb itself, as everywhere.
@app.command()
@click.argument("what", required=False, metavar="[include|lib]")
@click.option("--dbg", "debug", is_flag=True, help="The library that checks pointers given with KernelMode.")
@as_json
def path(what: str | None, debug: bool, as_json: bool) -> int:
    """Print where the header and the library are.

    For the build of a driver: `include` is the directory of usermode_accessors.h, `lib` the file umaccess.lib.
    """
    from emu.cli.path import run_path  # noqa: PLC0415

    return run_path(what, debug=debug, as_json=as_json)


@app.command()
@click.argument("name", required=False)
@click.option(
    "--family", metavar="FAMILY", help="Only this part: typed, aggregate, copy, fill, interlocked, and so on."
)
@click.option("--mode", metavar="MODE", help="Only User forms (user), or those that take a Mode (mode).")
@click.option("--kind", metavar="KIND", help="Only functions (function), or macros of the header (macro).")
@as_json
def accessors(as_json: bool, **options: Any) -> int:
    """List the user-mode accessors, or show one.

    NAME is an accessor, or a pattern for the list: 'Read*Acquire'. The list has for each its signature, the clauses of
    its contract, and whose code it is on either kernel: the library's own copy, or the kernel's primitive. One is
    shown with what the clauses mean and with its code, line by line.
    """
    from emu.cli.accessors import AccessorsOptions, run_accessors  # noqa: PLC0415

    return run_accessors(AccessorsOptions(**options), as_json=as_json)
