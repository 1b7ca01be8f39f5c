# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files a source includes, found by reading it: the compiler's own list leaves out `.include` and `.incbin`."""

import pathlib
import re
from collections.abc import Sequence

_INCLUDE = re.compile(
    rb"""^[ \t]* (?: \#[ \t]*(?:include|include_next|import|embed) | \.include | \.incbin )
         [ \t]* (?: ["<]([^">\n]+)[">] | \b(\w+) )""",
    re.MULTILINE | re.VERBOSE,
)


def included_files(source: pathlib.Path, directories: Sequence[pathlib.Path]) -> dict[pathlib.Path, bytes]:
    """Return the source and every file that it may include, with their bytes.

    A name is looked up beside the including file, beside the source and in the directories; names found nowhere are the
    compiler's own headers. Conditions are not evaluated, so the answer may hold more than one compilation reads. An
    include whose name is a macro could be anything: every file of the searched directories then counts.
    """
    found: dict[pathlib.Path, bytes] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = path.read_bytes()
        searched = [path.parent, source.parent, *directories]
        for name, macro in _INCLUDE.findall(found[path]):
            if macro:
                waiting += [file for directory in searched for file in sorted(directory.glob("*")) if file.is_file()]
            else:
                candidates = (directory / name.decode(errors="replace") for directory in searched)
                waiting += [candidate for candidate in candidates if candidate.is_file()]
    return found
