"""The calls about webhooks (not in 1.5). Delivery itself is in `account`."""

from typing import Any
from urllib.parse import urlsplit

from sandbox.books import Record
from sandbox.mailigen.account import Account
from sandbox.mailigen.errors import MailigenError
from sandbox.mailigen.forms import Form

EVENTS = (
    "contact.subscribe",
    "contact.unsubscribe",
    "contact.update",
    "email.change",
    "email.open",
    "email.click",
    "email.bounce",
)
SOURCES = ("subscriber", "admin", "api")


def list_webhooks(account: Account, form: Form) -> list[dict[str, Any]]:
    webhooks = form.page(1000, 1000).cut(list(account.webhooks.live()))
    return [
        {
            "id": webhook["id"],
            "title": webhook["title"],
            "last_event": account.shown(webhook["last_event"]),
            "total_events": webhook["total_events"],
        }
        for webhook in webhooks
    ]


def create_webhook(account: Account, form: Form) -> str:
    """Without a list it hears of all lists; without sources, of all three."""
    options = form.under("options")
    list_id = options.optional("list_id")
    webhook = {
        "id": account.new_hex(),
        "title": form.text("title"),
        "list_id": account.the_list(list_id)["id"] if list_id else "",
        "url": _url(options.text("url")),
        "secret_key": options.optional("secret_key"),
        "events": _some_of(EVENTS, options.texts("events"), "event"),
        "sources": _some_of(SOURCES, options.texts("sources") or list(SOURCES), "source"),
        "last_event": "",
        "total_events": 0,
    }
    return str(account.webhooks.put(webhook["id"], webhook)["id"])


def update_webhook(account: Account, form: Form) -> bool:
    webhook, name = _the_webhook(account, form), form.text("name")
    if name == "title":
        changes: dict[str, Any] = {name: form.text("value")}
    elif name == "list_id":
        changes = {name: account.the_list(form.text("value"))["id"]}
    elif name == "url":
        changes = {name: _url(form.text("value"))}
    elif name == "secret_key":
        changes = {name: form.optional("value")}
    elif name == "events":
        changes = {name: _some_of(EVENTS, form.texts("value"), "event")}
    elif name == "sources":
        changes = {name: _some_of(SOURCES, form.texts("value"), "source")}
    else:
        raise MailigenError("option_invalid", f"Invalid webhook option: {name}")
    account.webhooks.put(webhook["id"], {**webhook, **changes})
    return True


def delete_webhook(account: Account, form: Form) -> bool:
    account.webhooks.delete(_the_webhook(account, form)["id"])
    return True


def replicate_webhook(account: Account, form: Form) -> str:
    webhook = _the_webhook(account, form)
    copy = {**webhook, "id": account.new_hex(), "last_event": "", "total_events": 0}
    return str(account.webhooks.put(copy["id"], copy)["id"])


def _the_webhook(account: Account, form: Form) -> Record:
    webhook_id = form.text("wid")
    webhook = account.webhooks.get(webhook_id)
    if webhook is None or account.webhooks.is_deleted(webhook_id):
        raise MailigenError("webhook_unknown", f"Invalid Webhook ID: {webhook_id}")
    return webhook


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise MailigenError("url_invalid", f"Invalid URL: {text}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise MailigenError("url_invalid", f"Invalid URL: {text}")
    return text


def _some_of(known: tuple[str, ...], given: list[str], what: str) -> list[str]:
    unknown = [name for name in given if name not in known]
    if unknown or not given:
        raise MailigenError("option_invalid", f"Invalid webhook {what}: {', '.join(unknown)}")
    return list(dict.fromkeys(given))
