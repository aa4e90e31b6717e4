"""The list* calls about members: subscribe, update, unsubscribe, delete, read."""

from collections.abc import Callable, Iterable
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import Account
from sandbox.mailigen.errors import CODES, MailigenError
from sandbox.mailigen.forms import Form, Page, Tree
from sandbox.mailigen.membership import (
    STATUSES,
    Leaving,
    Wish,
    announce_member,
    change_email,
    delete_member,
    find_member,
    is_hidden,
    subscribe,
    unsubscribe,
)
from sandbox.mailigen.merges import checked_email, checked_merges

MOST_MEMBERS = 15_000
EMAIL_TYPES = ("html", "plain")


def subscribe_one(account: Account, form: Form) -> bool:
    the_list = account.the_list(form.text("id"))
    wish = Wish(
        email=form.text("email_address"),
        merges=form.branch("merge_vars"),
        email_type=email_type(form.optional("email_type", "html")),
        double_optin=form.flag("double_optin", True),
        update_existing=form.flag("update_existing", False),
        send_welcome=form.flag("send_welcome", False),
        again=account.assumed.is_on("subscribe_resubscribes_unsubscribed"),
        cause="listSubscribe",
    )
    subscribe(account, the_list, wish)
    return True


def subscribe_batch(account: Account, form: Form) -> dict[str, Any]:
    """Each row stands for itself; two rows of one address count as two successes."""
    the_list = account.the_list(form.text("id"))
    rows = form.rows("batch")
    _refuse_large(account, len(rows))
    seen: set[str] = set()

    def subscribe_row(row: dict[str, Tree]) -> None:
        email = email_of(row)
        is_repeated = email.strip().lower() in seen
        wish = Wish(
            email=email,
            merges=row,
            email_type=email_type(_text_of(row, "EMAIL_TYPE") or "html"),
            double_optin=form.flag("double_optin", True),
            update_existing=form.flag("update_existing", False)
            or (is_repeated and account.assumed.is_on("batch_duplicates_succeed")),
            send_welcome=account.assumed.is_on("batch_sends_welcome"),
            again=account.assumed.is_on("batch_resubscribes_unsubscribed"),
            cause="listBatchSubscribe",
        )
        subscribe(account, the_list, wish)
        seen.add(email.strip().lower())

    return batch_result(account, rows, email_of, subscribe_row)


def unsubscribe_one(account: Account, form: Form) -> bool:
    the_list = account.the_list(form.text("id"))
    member = find_member(account, the_list["id"], form.either("email_address", "email"))
    unsubscribe(account, the_list, member, _leaving(form, "listUnsubscribe"))
    return True


def unsubscribe_batch(account: Account, form: Form) -> dict[str, Any]:
    the_list = account.the_list(form.text("id"))
    emails = form.texts("emails")
    if not emails:
        raise MailigenError("invalid_parameter", "Missing parameter: emails")
    _refuse_large(account, len(emails))
    leaving = _leaving(form, "listBatchUnsubscribe")

    def unsubscribe_row(email: str) -> None:
        member = find_member(account, the_list["id"], email)
        unsubscribe(account, the_list, member, leaving)

    return batch_result(account, emails, str, unsubscribe_row)


def batch_result(
    account: Account,
    rows: Iterable[Any],
    email_of_row: Callable[[Any], str],
    act: Callable[[Any], None],
) -> dict[str, Any]:
    """What every batch call answers: how many went well, and the others with their reasons."""
    errors: list[dict[str, Any]] = []
    success_count = 0
    is_flat = account.assumed.text("error_codes") == "flat"
    for row in rows:
        try:
            act(row)
        except MailigenError as error:
            code = 0 if is_flat else CODES[error.reason]
            errors.append({"code": code, "message": error.text, "email": email_of_row(row)})
        else:
            success_count += 1
    return {"success_count": success_count, "error_count": len(errors), "errors": errors}


def update_member(account: Account, form: Form) -> bool:
    """Changes fields and address; no call of this name can change a status."""
    list_id = account.the_list(form.text("id"))["id"]
    member = find_member(account, list_id, form.either("email_address", "email"))
    if member["status"] != "subscribed" and account.assumed.is_on("update_member_needs_subscribed"):
        raise MailigenError("not_subscribed", f"{member['email']} is not subscribed")
    style = email_type(form.optional("email_type") or member["email_type"])
    given = form.branch("merge_vars")
    merges = checked_merges(account, list_id, given)
    kept = member["merges"]
    if not account.assumed.is_on("update_member_merges"):
        kept = dict.fromkeys(kept, "")
    new_email = email_of(given).strip()
    if new_email and account.assumed.is_on("update_member_can_change_email"):
        if new_email.lower() != member["email"].lower():
            member = change_email(account, member, new_email, "api")
        else:
            member = {**member, "email": checked_email(new_email)}
    changed = account.members.put({**member, "merges": {**kept, **merges}, "email_type": style})
    announce_member(account, "contact.update", changed, "api")
    return True


def delete_one(account: Account, form: Form) -> bool:
    list_id = account.the_list(form.text("id"))["id"]
    member = find_member(account, list_id, form.either("email_address", "email"))
    delete_member(account, member, "api")
    return True


def list_members(account: Account, form: Form) -> list[dict[str, str]]:
    """Pages are numbered: start 1 with limit 15000 begins at the 15,001st member."""
    list_id = account.the_list(form.text("id"))["id"]
    members = members_with(account, list_id, wanted_status(form))
    return _shown(account, form.page(100, MOST_MEMBERS), members)


def list_members_by_merge(account: Account, form: Form) -> list[dict[str, str]]:
    list_id = account.the_list(form.text("id"))["id"]
    tag, value = form.text("merge_var").upper(), form.optional("merge_value")
    if account.merge_vars.find(list_id, tag) is None:
        raise MailigenError("merge_unknown", f"Merge field {tag} does not exist")
    members = [
        member
        for member in members_with(account, list_id, wanted_status(form))
        if merge_value(member, tag).lower() == value.lower()
    ]
    return _shown(account, form.page(100, MOST_MEMBERS), members)


def show_member(account: Account, form: Form) -> dict[str, Any]:
    list_id = account.the_list(form.text("id"))["id"]
    member = find_member(account, list_id, form.either("email_address", "email"))
    merges = {
        field["tag"]: merge_value(member, field["tag"]) for field in account.merge_vars.of(list_id)
    }
    if not account.assumed.is_on("merges_include_email"):
        merges.pop("EMAIL", None)
    return {
        "id": member["id"],
        "email": member["email"],
        "email_type": member["email_type"],
        "merges": merges,
        "status": member["status"],
        "ip_opt": member["ip_opt"],
        "ip_signup": member["ip_signup"],
        "timestamp": shown_time(account, member),
    }


def lists_for_email(account: Account, form: Form) -> list[str]:
    email = form.either("email_address", "email")
    wanted = STATUSES if account.assumed.text("lists_for_email") == "any" else ("subscribed",)
    found: list[str] = []
    for the_list in account.lists.live():
        member = account.members.find(the_list["id"], email.strip())
        if member is not None and member["status"] in wanted:
            found.append(the_list["id"])
    return found


def members_with(account: Account, list_id: str, status: str) -> list[Record]:
    """The members of a list in a status, in the API's order, as far as it shows them."""
    found = [member for member in account.listed(list_id) if member["status"] == status]
    if account.assumed.text("members_order") == "newest_first":
        found.reverse()
    if status == "inactive":
        return [member for member in found if not is_hidden(account, member)]
    return found


def wanted_status(form: Form) -> str:
    status = form.optional("status", "subscribed")
    if status not in STATUSES:
        raise MailigenError("invalid_parameter", f"Invalid status: {status}")
    return status


def merge_value(member: Record, tag: str) -> str:
    return str(member["email"] if tag == "EMAIL" else member["merges"].get(tag, ""))


def shown_time(account: Account, member: Record) -> str:
    """When a member was added; for the unsubscribed perhaps when they left."""
    is_left = member["status"] == "unsubscribed" and member["unsubscribed_at"]
    if is_left and not account.assumed.is_on("unsubscribed_timestamp_is_time_added"):
        return account.shown(member["unsubscribed_at"])
    return account.shown(member["timestamp"])


def email_type(text: str) -> str:
    if text not in EMAIL_TYPES:
        raise MailigenError("option_invalid", f"Invalid email type: {text}")
    return text


def email_of(row: dict[str, Tree]) -> str:
    return _text_of(row, "EMAIL")


def _text_of(row: dict[str, Tree], tag: str) -> str:
    value = next((v for k, v in row.items() if k.upper() == tag), "")
    return value if isinstance(value, str) else ""


def _leaving(form: Form, cause: str) -> Leaving:
    # Goodbye and notification are on unless told otherwise: the class documents it so.
    return Leaving(
        source="api",
        cause=cause,
        delete=form.flag("delete_member", False),
        goodbye=form.flag("send_goodbye", True),
        notify=form.flag("send_notify", True),
    )


def _refuse_large(account: Account, size: int) -> None:
    limit = account.assumed.limit("batch_size_limit")
    if limit is not None and size > limit:
        raise MailigenError(
            "batch_too_large", f"Batch of {size} rows, at most {limit} are accepted"
        )


def _shown(account: Account, page: Page, members: list[Record]) -> list[dict[str, str]]:
    return [
        {"email": member["email"], "timestamp": shown_time(account, member)}
        for member in page.cut(members)
    ]
