# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports of a campaign, from its store; a writer a file."""

from emu.campaign.report.results import CampaignResults, Result

__all__ = ["CampaignResults", "Result"]
