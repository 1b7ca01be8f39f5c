# SPDX-License-Identifier: GPL-2.0-or-later
"""The images that a trace file is of: the file has the code that ran, and an image has the rest, too."""

from __future__ import annotations

from collections.abc import Sequence

from emu.cli.mistakes import Mistake
from emu.cli.unwind_images import read_images
from emu.image import Module
from emu.trace import Trace, TracedModule


def images_of(trace: Trace, name: str, files: tuple[str, ...]) -> tuple[Module, ...]:
    """Read or build images, and return those that a trace file of this name is of, where they were loaded.

    Raises `Mistake` for images none of which is in the trace, or that were built of something else; what `read_images`
    raises.
    """
    if not files:
        return ()
    routine = trace.calls[0].function.rpartition("!")[2] if trace.calls else None
    images = {image.name.rpartition(".")[0] or image.name: image for image in read_images(files, routine)}
    found = tuple(Module(images[each.name], each.base) for each in trace.modules if each.name in images)
    if not found:
        there_are = ", ".join(each.name for each in trace.modules)
        raise Mistake(f"{name} is of {there_are}, and --image gives {', '.join(images)}; give the images that it is of")
    for module in found:
        traced = next(each for each in trace.modules if each.base == module.base)
        _check_same(trace, name, module, traced)
    return found


def _check_same(trace: Trace, name: str, module: Module, traced: TracedModule) -> None:
    for _ in trace.chunks():
        pass
    content = module.image.relocated(module.base)
    ran: dict[int, list[bytes]] = {}
    for code in trace.code:
        if module.contains(code.rip):
            ran.setdefault(code.rip - module.base, []).append(code.bytes)
    if module.size == traced.size and all(_any_at(content, rva, forms) for rva, forms in ran.items()):
        return
    raise Mistake(f"{name} is of another {module.name} than --image gives: the code differs; take the trace again")


def _any_at(content: bytes, rva: int, forms: Sequence[bytes]) -> bool:
    """Tell whether one of the forms that an instruction had is the image's."""
    return any(content[rva : rva + len(form)] == form for form in forms)
