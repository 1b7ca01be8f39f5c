# SPDX-License-Identifier: GPL-2.0-or-later
"""A judge of the user's own: a function in a Python file, named `FILE.py:function`."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

from emu.campaign.experiment.experiment_error import ExperimentError
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass

Judge: TypeAlias = Callable[[Observation], Verdict]

_CLASSES: Final = {kind.label: kind for kind in VerdictClass}


class OracleError(ExperimentError):
    """An oracle that cannot be loaded or does not answer; the message is one line and names the way out."""


def load_oracle(name: str) -> Judge:
    """Load `FILE.py:function`. Raises `OracleError`; so does the judge, where the function fails.

    The function takes an `Observation` and answers with a `Verdict`; True or None for a correct copy, False for wrong
    data; or text: what is wrong, in one line, after its class if it is no wrong data (`state-leak: rbx is 0`). An
    `assert` in it that fails is wrong data, too.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path or not attribute.isidentifier():
        raise OracleError(f"oracle {name!r}: give a Python file and a function in it, as in judge.py:judge")
    function = getattr(_load(name, Path(path)), attribute, None)
    if not callable(function):
        what = "has no function" if function is None else "has something else than a function under the name"
        raise OracleError(f"oracle {name!r}: {path} {what} {attribute!r}")
    return as_judge(function, name, path)


def as_judge(function: Callable[[Observation], Any], name: str, path: str) -> Judge:
    """Return a judge that asks a function, which answers as one of a file does; `path` is the file that it is in."""

    def judge(observation: Observation) -> Verdict:
        try:
            answer = function(observation)
        except AssertionError as error:
            return Verdict(
                VerdictClass.WRONG_DATA, _one_line(str(error)) or f"an assertion failed{_where(error, path)}"
            )
        except Exception as error:
            raise OracleError(
                f"oracle {name!r}: {type(error).__name__}: {_one_line(str(error))}{_where(error, path)}"
            ) from error
        return _to_verdict(answer, name)

    return judge


def _load(name: str, path: Path) -> ModuleType:
    if not path.is_file():
        raise OracleError(f"oracle {name!r}: there is no file {path}")
    specification = importlib.util.spec_from_file_location(f"emu_user_oracle_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise OracleError(f"oracle {name!r}: {path} is no Python file; its name must end with .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) else _where(error, str(path))
        raise OracleError(
            f"oracle {name!r} cannot be loaded: {type(error).__name__}: {_one_line(str(error))}{where}"
        ) from error
    return module


def _to_verdict(answer: Any, name: str) -> Verdict:
    if answer is None or answer is True:
        return CORRECT
    if answer is False:
        return Verdict(VerdictClass.WRONG_DATA, f"{name} answered False")
    if isinstance(answer, Verdict):
        return answer
    if isinstance(answer, str):
        return _read(answer)
    raise OracleError(
        f"oracle {name!r} answered {answer!r}; a Verdict, True, False, None or text (what is wrong) is allowed"
    )


def _read(text: str) -> Verdict:
    label, colon, rest = text.partition(":")
    kind = _CLASSES.get(label.strip()) if colon else None
    if kind is None:
        return Verdict(VerdictClass.WRONG_DATA, _one_line(text)) if text.strip() else CORRECT
    return Verdict(kind, _one_line(rest))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _where(error: BaseException, path: str) -> str:
    """Return the line of the user's file that an exception came from, the innermost one."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" in line {lines[-1]}" if lines else ""
