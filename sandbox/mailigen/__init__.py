"""Mailigen on loopback: RPC API 1.8 (and 1.5), with its lists, members, campaigns and webhooks."""

from sandbox.mailigen.vendor import MailigenVendor

__all__ = ["MailigenVendor"]
