"""Pipedrive: what we read from it and write to it. Oddities are in README.md."""

from connectors.pipedrive.client import Pipedrive
from connectors.pipedrive.costs import COSTS

__all__ = ["COSTS", "Pipedrive"]
