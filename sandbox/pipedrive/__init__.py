"""Pipedrive on loopback: API v2, what is left of v1, OAuth, webhooks, limits and token costs."""

from sandbox.pipedrive.vendor import PipedriveVendor

__all__ = ["PipedriveVendor"]
