"""What became of a member, told in one place after it is in the books.

`Account.listeners` are called with each `Change`, in the order they were added. A tag tells
nobody: the vendor has no event for it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from sandbox.books import Record

Announce = Callable[["Change"], None]
ON_LIST = ("subscribed",)
SHOWN = ("merge_fields", "interests", "language", "vip", "email_type")


class Change(NamedTuple):
    """`kind` is subscribe, unsubscribe, cleaned, upemail, profile or campaign.

    `source` is who did it: user (the person), admin (the account's owner) or api. `member` is the
    record as it stands now; for a `campaign` change it is the campaign's.
    """

    kind: str
    source: str
    list_id: str
    member: Record
    old_address: str = ""
    action: str = ""  # of an unsubscribe: unsub, or delete when archived or erased
    reason: str = ""  # of an unsubscribe: manual or abuse; of a cleaned: hard or abuse
    campaign_id: str = ""


def told_of(before: Record | None, after: Record, source: str) -> Iterator[Change]:
    """The changes between two states of one contact, in the order the vendor tells them."""
    told = Change("", source, after["list_id"], after)
    was, status = (before["status"] if before else ""), after["status"]
    if before is not None and before["email_address"].lower() != after["email_address"].lower():
        yield told._replace(kind="upemail", old_address=before["email_address"])
    if status != was and status == "subscribed":
        yield told._replace(kind="subscribe")
    elif status != was and status == "cleaned":
        yield told._replace(kind="cleaned", reason="hard")
    elif was == "subscribed" and status in ("unsubscribed", "archived"):
        action = "unsub" if status == "unsubscribed" else "delete"
        reason = "abuse" if after["left_by"] == "abuse" else "manual"
        yield told._replace(kind="unsubscribe", action=action, reason=reason)
    elif before is not None and status == was and any(before[k] != after[k] for k in SHOWN):
        yield told._replace(kind="profile")
