"""Deeds and settings for the tests of the ledger, with everything not in question filled in."""

from datetime import timedelta
from typing import Any

from state.deeds import Deed
from state.settings import Setting

HORIZON = timedelta(seconds=300)


def note(key: str, *, subject: str = "", bot: str = "", body: Any = None) -> Deed:
    return Deed(
        key, "acme", "note", "note", subject or f"of-{key}", body or {"content": key}, bot_id=bot
    )


def member(subject: str, phone: str = "1", **more: Any) -> Setting:
    aspect = more.pop("aspect", "fields")
    return Setting("acme", "member", subject, aspect, {"PHONE": phone}, "update", **more)
