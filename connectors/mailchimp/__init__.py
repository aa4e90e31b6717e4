"""Mailchimp: what we read from it and write to it. Oddities are in README.md."""

from connectors.mailchimp.batches import MemberLook, MemberUpdate, Outcome
from connectors.mailchimp.client import Mailchimp
from connectors.mailchimp.credential import Login, api_key, oauth_token
from connectors.mailchimp.members import BATCH_ROWS, BatchAnswer, NewMember
from connectors.mailchimp.wire import subscriber_hash

__all__ = [
    "BATCH_ROWS", "BatchAnswer", "Login", "Mailchimp", "MemberLook", "MemberUpdate", "NewMember",
    "Outcome", "api_key", "oauth_token", "subscriber_hash",
]  # fmt: skip
