# SPDX-License-Identifier: GPL-2.0-or-later
"""Confirms what a check suspects by running the call again."""
