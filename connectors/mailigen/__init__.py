"""Mailigen: what we read from it and write to it. Oddities are in README.md."""

from connectors.mailigen.client import Mailigen
from connectors.mailigen.paging import Pace
from connectors.mailigen.wire import BATCH_ROWS, BatchAnswer, batches

__all__ = ["BATCH_ROWS", "BatchAnswer", "Mailigen", "Pace", "batches"]
