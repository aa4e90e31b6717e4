"""The calls about lists themselves, and their growth."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sandbox.books import Record
from sandbox.mailigen.account import OWNER_EMAIL, Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form
from sandbox.mailigen.merges import put_merge_var

MOST_LISTS = 1000
MOST_PERIODS = 100
FLAGS = ("subscription_notify", "unsubscription_notify", "has_email_type_option")
TEXTS = ("permission_reminder", "notify_to", "public_title")


def show_lists(account: Account, form: Form) -> list[dict[str, Any]]:
    page = form.page(MOST_LISTS, MOST_LISTS)
    return [_shown(account, the_list) for the_list in page.cut(list(account.lists.live()))]


def _shown(account: Account, the_list: Record) -> dict[str, Any]:
    return {
        "id": the_list["id"],
        "web_id": the_list["web_id"],
        "name": the_list["name"],
        "date_created": account.shown(the_list["created_at"]),
        "member_count": account.count_listed(the_list["id"], "subscribed"),
        "sms_member_count": 0,
        "unsubscribe_count": account.count_listed(the_list["id"], "unsubscribed"),
        "email_type_option": the_list["has_email_type_option"],
        "default_from_name": "Acme",
        "default_from_email": OWNER_EMAIL,
        "default_subject": "",
        "default_language": "en",
    }


def create_list(account: Account, form: Form) -> str:
    title, options = form.text("title"), form.under("options")
    the_list = new_list(account, title)
    the_list.update({name: options.flag(name, False) for name in FLAGS})
    the_list.update({name: options.optional(name) for name in TEXTS})
    account.lists.put(the_list["id"], the_list)
    put_first_merge_vars(account, the_list["id"])
    return str(the_list["id"])


def new_list(account: Account, title: str) -> Record:
    """A list as stored, not stored yet."""
    return {
        "id": account.new_hex(),
        "web_id": account.new_number("list", first=40_001),
        "name": title,
        "created_at": account.stamp(),
        **dict.fromkeys(FLAGS, False),
        **dict.fromkeys(TEXTS, ""),
    }


def put_first_merge_vars(account: Account, list_id: str) -> None:
    names = {"EMAIL": "Email", "FNAME": "First name", "LNAME": "Last name"}
    for tag in account.assumed.text("new_list_merge_vars").split(","):
        is_email = tag == "EMAIL"
        field_type = "email" if is_email else "text"
        put_merge_var(account, list_id, tag, names[tag], field_type=field_type, req=is_email)


def update_list(account: Account, form: Form) -> bool:
    the_list, name = account.the_list(form.text("id")), form.text("name")
    if name in FLAGS:
        changes: dict[str, Any] = {name: form.flag("value", False)}
    elif name in TEXTS:
        changes = {name: form.optional("value")}
    elif name in ("title", "name"):
        changes = {"name": form.text("value")}
    else:
        raise MailigenError("list_option", f"Invalid list option: {name}")
    account.lists.put(the_list["id"], {**the_list, **changes})
    return True


def delete_list(account: Account, form: Form) -> bool:
    """The list goes with its members, fields and segments; its campaigns stay."""
    list_id = account.the_list(form.text("id"))["id"]
    for shelf in (account.members, account.merge_vars, account.segments):
        for record in shelf.of(list_id):
            shelf.delete(record)
    account.lists.delete(list_id)
    return True


def list_growth(account: Account, form: Form) -> list[dict[str, Any]]:
    """Members by the period they were added in, oldest first; gone members are not counted."""
    list_id = account.the_list(form.text("id"))["id"]
    split_by = form.optional("split_by", "month")
    if split_by not in ("month", "week", "day"):
        raise MailigenError("invalid_parameter", f"Invalid split_by: {split_by}")
    first, last = _day(form, "start_date"), _day(form, "end_date")
    added = Counter(_period(m["timestamp"], split_by) for m in account.members.of(list_id))
    existing = 0
    periods: list[dict[str, Any]] = []
    for period in sorted(added):
        if (not first or period >= _period(first, split_by)) and (not last or period <= last):
            periods.append({split_by: period, "existing": existing, "imports": added[period]})
        existing += added[period]
    return list(form.page(MOST_PERIODS, MOST_PERIODS).cut(periods))


def _day(form: Form, name: str) -> str:
    """An ISO date of a year people live in, or an empty text for none given."""
    text = form.optional(name)
    if not text:
        return ""
    try:
        day = datetime.strptime(text[:10], "%Y-%m-%d").date()
    except ValueError:
        raise MailigenError("time_invalid", f"Invalid date: {text}") from None
    if day.year < 1900:
        raise MailigenError("time_invalid", f"Invalid date: {text}")
    return day.isoformat()


def _period(stamp: str, split_by: str) -> str:
    day = datetime.strptime(stamp[:10], "%Y-%m-%d").date()
    if split_by == "week":
        day -= timedelta(days=day.weekday())
    return day.isoformat()[:7] if split_by == "month" else day.isoformat()
