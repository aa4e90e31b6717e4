"""What people and the account's owner do, on request of the control surface."""

from collections.abc import Mapping
from typing import Any

from sandbox.mailchimp.access import Access
from sandbox.mailchimp.account import Account

EVENTS: dict[str, str] = {}


def play(account: Account, access: Access, event: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out one event and tell what happened."""
    del account, access
    raise ValueError(f"mailchimp cannot play {event.get('kind')!r}")
