"""Who may be on a list, and what happens when somebody comes, changes or goes.

    (not there) --subscribe--> subscribed <--confirm-- inactive <--subscribe, double opt-in--
    subscribed  --unsubscribe--> unsubscribed      subscribed --hard bounce--> bounced
    any         --delete--> (not there; remembered only by the book and one assumption)

Calls come here from `member_calls`, played acts of people and admins from `playing`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sandbox.books import Record
from sandbox.mailigen.account import OWNER_EMAIL, Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Tree
from sandbox.mailigen.merges import checked_email, checked_merges, require_all

STATUSES = ("subscribed", "unsubscribed", "inactive", "bounced")


class Wish(NamedTuple):
    """What a subscribe call asks for one address. `again` allows the unsubscribed back."""

    email: str
    merges: Mapping[str, Tree]
    email_type: str
    double_optin: bool
    update_existing: bool
    send_welcome: bool
    again: bool
    cause: str


class Leaving(NamedTuple):
    """How somebody leaves a list: `source` is subscriber, admin or api."""

    source: str
    cause: str
    delete: bool = False
    goodbye: bool = False
    notify: bool = False


def subscribe(account: Account, the_list: Record, wish: Wish) -> None:
    """Put an address on the list or update it there; refused with the reason otherwise."""
    email = checked_email(wish.email)
    if account.assumed.text("email_case") == "lowered":
        email = email.lower()
    merges = checked_merges(account, the_list["id"], wish.merges)
    if is_suppressed(account, email) and account.assumed.is_on("suppressed_refused"):
        raise MailigenError("suppressed", f"{email} is on the suppressed list")
    member = account.members.find(the_list["id"], email)
    if member is None:
        _refuse_remembered(account, the_list, email)
        complete = require_all(account, the_list["id"], merges)
        _admit(account, the_list, wish, new_member(account, the_list["id"], email, complete))
    elif member["status"] == "subscribed":
        _update_known(account, the_list, wish, member, merges)
    else:
        _refuse_return(account, the_list, wish, member)
        merged = {**member["merges"], **merges}
        _admit(account, the_list, wish, {**member, "merges": merged})


def new_member(account: Account, list_id: str, email: str, merges: dict[str, str]) -> Record:
    """A member as stored, not stored yet."""
    return {
        "id": account.new_number("member", first=700_001),
        "list": list_id,
        "email": email,
        "email_type": "html",
        "merges": merges,
        "status": "subscribed",
        "timestamp": account.stamp(),
        "confirmed_at": account.stamp(),
        "unsubscribed_at": "",
        "left_by": "",
        "ip_opt": "",
        "ip_signup": "",
    }


def _admit(account: Account, the_list: Record, wish: Wish, member: Record) -> None:
    _refuse_above_plan(account, member)
    admitted = {**member, "email_type": wish.email_type, "unsubscribed_at": "", "left_by": ""}
    if wish.double_optin:
        account.members.put({**admitted, "status": "inactive", "confirmed_at": ""})
        account.mail("optin", member["email"], the_list["id"], wish.cause)
        return
    account.members.put({**admitted, "status": "subscribed", "confirmed_at": account.stamp()})
    if wish.send_welcome:
        account.mail("welcome", member["email"], the_list["id"], wish.cause)
    if the_list["subscription_notify"] and account.assumed.is_on("notify_on_api_subscribe"):
        notify_owner(account, the_list, wish.cause)
    announce_member(account, "contact.subscribe", admitted, "api")


def _update_known(
    account: Account, the_list: Record, wish: Wish, member: Record, merges: dict[str, str]
) -> None:
    if not wish.update_existing:
        text = f"{member['email']} is already subscribed to list {the_list['name']}"
        raise MailigenError("already_subscribed", text)
    changed = {**member, "merges": {**member["merges"], **merges}, "email_type": wish.email_type}
    account.members.put(changed)
    announce_member(account, "contact.update", changed, "api")


def _refuse_return(account: Account, the_list: Record, wish: Wish, member: Record) -> None:
    email, status = member["email"], member["status"]
    if status == "unsubscribed" and not (wish.update_existing or wish.again):
        text = f"{email} has unsubscribed from list {the_list['name']}"
        raise MailigenError("unsubscribed_member", text)
    if status == "bounced" and not account.assumed.is_on("bounced_can_return"):
        text = f"{email} has bounced and cannot be subscribed to list {the_list['name']}"
        raise MailigenError("bounced_member", text)
    if status == "inactive" and not account.assumed.is_on("inactive_can_be_subscribed"):
        text = f"{email} has not confirmed the subscription to list {the_list['name']}"
        raise MailigenError("already_subscribed", text)


def _refuse_remembered(account: Account, the_list: Record, email: str) -> None:
    if account.assumed.is_on("delete_member_forgets_status"):
        return
    for member in account.members.book.everything():
        gone = member["_deleted"] and member["list"] == the_list["id"]
        if gone and member["email"].lower() == email.lower():
            if member["status"] == "unsubscribed":
                text = f"{email} has unsubscribed from list {the_list['name']}"
                raise MailigenError("unsubscribed_member", text)
            if member["status"] == "bounced":
                raise MailigenError("bounced_member", f"{email} has bounced")


def _refuse_above_plan(account: Account, member: Record) -> None:
    limit = account.assumed.limit("subscribers_limit")
    known = account.members.find(member["list"], member["email"])
    counts_already = known is not None and known["status"] in ("subscribed", "inactive")
    if limit is None or counts_already:
        return
    if account.members.total("subscribed", "inactive") >= limit:
        text = f"Subscriber limit of your plan is reached ({limit}). Please upgrade your account."
        raise MailigenError("subscribers_limit", text)


def notify_owner(account: Account, the_list: Record, cause: str) -> None:
    account.mail("notification", the_list["notify_to"] or OWNER_EMAIL, the_list["id"], cause)


def find_member(account: Account, list_id: str, email_or_id: str) -> Record:
    """The live member of a list by address or member id."""
    member = account.members.find(list_id, email_or_id.strip())
    if member is None and not account.members.book.is_deleted(email_or_id):
        by_id = account.members.book.get(email_or_id)
        member = by_id if by_id and by_id["list"] == list_id else None
    if member is None or is_hidden(account, member):
        raise MailigenError("email_unknown", f"There is no member {email_or_id} in this list")
    return member


def is_hidden(account: Account, member: Record) -> bool:
    """Whether the API does not show somebody who has not answered the opt-in mail yet."""
    return member["status"] == "inactive" and not account.assumed.is_on("double_optin_pending")


def is_suppressed(account: Account, email: str) -> bool:
    key = email.lower()
    return account.suppressed.get(key) is not None and not account.suppressed.is_deleted(key)


def unsubscribe(account: Account, the_list: Record, member: Record, leaving: Leaving) -> Record:
    """Take a member off the list, as an opt-out or altogether; already gone is refused."""
    if member["status"] == "unsubscribed" and not leaving.delete:
        text = f"{member['email']} is not subscribed to list {the_list['name']}"
        raise MailigenError("not_subscribed", text)
    left = {
        **member,
        "status": "unsubscribed",
        "unsubscribed_at": account.stamp(),
        "left_by": leaving.source,
    }
    account.members.put(left)
    if leaving.delete:
        account.members.delete(left)
    if leaving.goodbye:
        account.mail("goodbye", member["email"], the_list["id"], leaving.cause)
    if leaving.notify:
        notify_owner(account, the_list, leaving.cause)
    announce_member(account, "contact.unsubscribe", left, leaving.source)
    return left


def delete_member(account: Account, member: Record, source: str) -> None:
    account.members.delete(member)
    if account.assumed.is_on("delete_fires_unsubscribe"):
        announce_member(account, "contact.unsubscribe", member, source)


def change_email(account: Account, member: Record, new_email: str, source: str) -> Record:
    """Move a member to another address; refused when that one is on the list, in any state."""
    email = checked_email(new_email)
    taken = account.members.find(member["list"], email)
    if taken is not None and taken["id"] != member["id"]:
        raise MailigenError("already_subscribed", f"{email} is already on this list")
    moved = account.members.put({**member, "email": email})
    row = {"email": email, "old_email": member["email"], "new_email": email}
    account.announce("email.change", member["list"], source, row)
    return moved


def announce_member(account: Account, hook: str, member: Record, source: str) -> None:
    row: dict[str, Any] = {"email": member["email"], "fields": dict(member["merges"])}
    account.announce(hook, member["list"], source, row)
