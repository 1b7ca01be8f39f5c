# SPDX-License-Identifier: GPL-2.0-or-later
"""The file formats that a trace is written in, a file each."""
