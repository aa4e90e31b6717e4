"""What people and the account's owner do, on request of the control surface."""

from collections.abc import Mapping
from typing import Any

from sandbox.mailchimp.access import Access
from sandbox.mailchimp.account import Account
from sandbox.mailchimp.played_mails import MAIL_EVENTS, play_mail

EVENTS: dict[str, str] = {**MAIL_EVENTS}


def play(account: Account, access: Access, event: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out one event and tell what happened."""
    del access
    if event.get("kind") in MAIL_EVENTS:
        return play_mail(account, event)
    raise ValueError(f"mailchimp cannot play {event.get('kind')!r}")
