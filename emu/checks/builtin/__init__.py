# SPDX-License-Identifier: GPL-2.0-or-later
"""The project's own checks, one a file."""
