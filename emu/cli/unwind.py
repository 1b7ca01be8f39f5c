# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu unwind`: from options to function tables, checks and a proof by a call."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from emu.checks.unwind_data import check_unwind_data
from emu.checks.unwind_data.functions import Function, ImageFunctions, image_functions
from emu.cli.call_options import given_call_options
from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import make_console, show, show_json
from emu.cli.run import RunOptions, call_of
from emu.cli.unwind_images import read_images
from emu.cli.unwind_result import UnwindCheck, prove
from emu.image import ImageError, PeImage, UnknownSymbol


@dataclass(frozen=True, slots=True)
class UnwindOptions:
    """The options of `emu unwind`, as given; None: left out."""

    files: tuple[str, ...]
    functions: tuple[str, ...]
    check: bool
    call: str | None
    faults: tuple[str, ...]
    profile: str
    irql: int
    budget: int | None
    stubs: tuple[str, ...]
    unguarded: bool


def run_unwind(options: UnwindOptions, *, as_json: bool) -> int:
    """Run `emu unwind`; returns the exit status."""
    with mistakes_reported():
        if options.call is not None and not options.check:
            raise Mistake("--call proves unwind data by a call; it belongs to --check")
        if options.call is None:
            _refuse_call_options(options)
        call = None if options.call is None else _split_call(options.call)
        images = read_images(options.files, None if call is None else call[0])
        if options.check:
            return _check(options, images, call, as_json)
        _show_tables(options, images, as_json)
    return 0


def _refuse_call_options(options: UnwindOptions) -> None:
    for name in given_call_options(options):
        raise Mistake(f"{name} is about a call; give one with --check --call 'ROUTINE ARG…'")


def _split_call(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise Mistake(f"--call {text!r}: {str(error).lower()}; quote arguments as a shell takes them") from None
    if not words:
        raise Mistake("--call is empty; give a routine and its arguments, as in --call 'my_copy kernel:64 user:64 64'")
    return words


def _check(options: UnwindOptions, images: tuple[PeImage, ...], call: tuple[str, ...] | None, as_json: bool) -> int:
    findings = tuple(finding for image in images for finding in check_unwind_data(image))
    proof, refusal = None, ""
    if call is not None:
        run_options = RunOptions(
            routine=call[0],
            arguments=call[1:],
            faults=options.faults,
            profile=options.profile,
            irql=options.irql,
            images=options.files,
            budget=options.budget,
            stubs=options.stubs,
            unguarded=options.unguarded,
        )
        try:
            proof = prove(call_of(run_options))
        except ImageError as error:
            # A damaged function table is a finding, and nothing that a machine would load.
            if not any(image.functions.faults for image in images):
                raise
            refusal = str(error)
    result = UnwindCheck(tuple(image_functions(image) for image in images), findings, proof, refusal)
    if options.functions:
        result = result.only({function.name for _, function in _selected(options, images)})
    if as_json:
        from emu.cli.unwind_data import check_data  # noqa: PLC0415 (one of the two is needed)

        show_json(check_data(result))
    else:
        from emu.cli.unwind_check_display import display_check  # noqa: PLC0415

        show(make_console(), *display_check(result))
    return 0 if result.is_clean else 1


def _show_tables(options: UnwindOptions, images: tuple[PeImage, ...], as_json: bool) -> None:
    selected = _selected(options, images)
    tables = tuple(
        (functions, tuple(function for owner, function in selected if owner is functions))
        for functions in map(image_functions, images)
    )
    if as_json:
        from emu.cli.unwind_data import tables_data  # noqa: PLC0415

        show_json(tables_data(tables))
    else:
        from emu.cli.unwind_display import display_tables  # noqa: PLC0415

        show(make_console(), *display_tables(tables))


def _selected(options: UnwindOptions, images: tuple[PeImage, ...]) -> tuple[tuple[ImageFunctions, Function], ...]:
    """Return the functions of the names that were given, with their fragments, or all. Raises `Mistake`."""
    every = [(functions, function) for functions in map(image_functions, images) for function in functions.functions]
    if not options.functions:
        return tuple(every)
    wanted: set[int] = set()
    for name in options.functions:
        found = [(functions, function) for functions, function in every if function.name == name]
        if not found:
            nearest = UnknownSymbol("", name, [function.name for _, function in every]).nearest
            hint = f"nearest: {', '.join(nearest)}; " if nearest else ""
            files = ", ".join(image.name for image in images)
            raise Mistake(
                f"no function {name!r} in the function table of {files}; {hint}without --function all are shown"
            )
        wanted |= {id(part) for functions, function in found for part in functions.parts_of(function)}
    return tuple((functions, function) for functions, function in every if id(function) in wanted)
