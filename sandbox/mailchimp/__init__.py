"""Mailchimp's Marketing API 3.0 on loopback."""

from sandbox.mailchimp.vendor import MailchimpVendor

__all__ = ["MailchimpVendor"]
