# SPDX-License-Identifier: GPL-2.0-or-later
"""How the manual is built: Markdown by MyST, `make docs`."""

import importlib.metadata

project = "umaccess-emu"
author = "the umaccess-emu authors"
release = importlib.metadata.version("umaccess-emu")
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"umaccess-emu {release}"
exclude_patterns = ["_build"]

# Pygments reads GNU assembly in AT&T syntax; what it does not know of the other it shows without colours.
suppress_warnings = ["misc.highlighting_failure"]
