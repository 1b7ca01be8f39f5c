# SPDX-License-Identifier: GPL-2.0-or-later
"""Running a campaign: laboratory, workers, executors, and the store that keeps what came of it."""
