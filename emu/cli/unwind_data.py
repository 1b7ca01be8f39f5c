# SPDX-License-Identifier: GPL-2.0-or-later
"""Function tables and their check as JSON: `emu unwind --json`.

The keys are stable. RVAs, addresses and register values are strings in hexadecimal, offsets and sizes numbers.

    images       without --check: [{image, faults: what is wrong with the table, functions: [{name, begin, end,
                 covers [begin, end]: other code than the function's own for an indirect entry, unwind_info,
                 error: why it cannot be decoded, or null, version, flags, prologue_size, frame_register, frame_offset,
                 codes [{offset, operation, text, instruction}] in the order of the prologue, chained_to: names,
                 epilogues [offset], epilogue_size, handler, scopes [{begin, end, handler, target, kind: filter
                 constant finally}] or null, cookie {offset, alignment} or null}]}]; with --check: the names
    clean        with --check: whether the exit status is 0
    findings     with --check: [{found_by: reading running, rule, module, function, offset, instruction, message, codes,
                 values [{register, came_out, true}], text}]
    call         with --call: {routine, arguments, outcome, complete, unwinds, instructions, functions, not_reached};
                 else null
    refusal      why the call could not be made, or null
"""

from __future__ import annotations

from typing import Any

from emu.checks.unwind_data import DisprovedUnwind, UnwindFinding
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.words import describe_code, flag_names
from emu.cli.call_data import hexadecimal
from emu.cli.run_display import run_summary
from emu.cli.unwind_display import Tables
from emu.cli.unwind_result import CallProof, UnwindCheck
from emu.seh.c_specific_handler import EXECUTE_HANDLER, Scope
from emu.seh.context import REGISTER_NAMES


def tables_data(tables: Tables) -> dict[str, Any]:
    """Return everything that the display of tables shows."""
    return {
        "images": [
            {
                "image": functions.image.name,
                "faults": [str(fault) for fault in functions.image.functions.faults],
                "functions": [_function(functions, function) for function in shown],
            }
            for functions, shown in tables
        ]
    }


def check_data(result: UnwindCheck) -> dict[str, Any]:
    """Return everything that the display of a check shows."""
    proof = result.proof
    findings = [_finding(finding, "reading") for finding in result.findings]
    findings += [_finding(finding, "running") for finding in (proof.findings if proof else ())]
    return {
        "clean": result.is_clean,
        "images": [functions.image.name for functions in result.images],
        "findings": findings,
        "call": _call(proof) if proof else None,
        "refusal": result.refusal or None,
    }


def _function(functions: ImageFunctions, function: Function) -> dict[str, Any]:
    entry = function.entry
    data: dict[str, Any] = {
        "name": function.name,
        "begin": hexadecimal(entry.begin),
        "end": hexadecimal(entry.end),
        "covers": [hexadecimal(each) for each in function.covers],
        "unwind_info": hexadecimal(entry.unwind_info),
        "error": function.error or None,
    }
    if function.chain is None:
        return data
    info = function.chain.info
    ends = {each.end - entry.begin: each.text for each in functions.code(function)} if info.codes else {}
    language = function.language_data
    return {
        **data,
        "version": info.version,
        "flags": flag_names(info.flags),
        "prologue_size": info.size_of_prolog,
        "frame_register": REGISTER_NAMES[info.frame_register] if info.frame_register else None,
        "frame_offset": info.frame_offset,
        "codes": [
            {
                "offset": code.offset,
                "operation": code.op.name,
                "text": describe_code(code, info),
                "instruction": ends.get(code.offset),
            }
            for code in reversed(info.codes)
        ],
        "chained_to": [
            functions.name_of(each.chained.begin) for each in function.chain.infos if each.chained is not None
        ],
        "epilogues": [function.size - start for start in info.epilogs],
        "epilogue_size": info.epilog_size,
        "handler": None if info.handler_rva is None else functions.code_name(info.handler_rva),
        "scopes": None if language is None or language.scopes is None else [_scope(each) for each in language.scopes],
        "cookie": None
        if language is None or language.cookie is None
        else {"offset": language.cookie.offset, "alignment": language.cookie.alignment},
    }


def _scope(scope: Scope) -> dict[str, Any]:
    kind = "finally" if not scope.target else "constant" if scope.handler == EXECUTE_HANDLER else "filter"
    return {
        "begin": hexadecimal(scope.begin),
        "end": hexadecimal(scope.end),
        "handler": hexadecimal(scope.handler),
        "target": hexadecimal(scope.target) if scope.target else None,
        "kind": kind,
    }


def _finding(finding: UnwindFinding, found_by: str) -> dict[str, Any]:
    values = finding.values if isinstance(finding, DisprovedUnwind) else ()
    return {
        "found_by": found_by,
        "rule": str(finding.rule),
        "module": finding.module,
        "function": finding.function,
        "offset": finding.offset,
        "instruction": finding.instruction or None,
        "message": finding.message,
        "codes": list(finding.codes),
        "values": [
            {
                "register": value.register,
                "came_out": hexadecimal(value.came_out),
                "true": hexadecimal(value.true),
            }
            for value in values
        ],
        "text": str(finding),
    }


def _call(proof: CallProof) -> dict[str, Any]:
    call, coverage = proof.run.call, proof.coverage
    return {
        "routine": call.routine,
        "arguments": [str(argument) for argument in call.arguments],
        "outcome": run_summary(proof.run),
        "complete": proof.is_complete,
        "unwinds": coverage.stops,
        "instructions": coverage.instructions,
        "functions": list(coverage.functions),
        "not_reached": list(coverage.not_reached),
    }
