"""`/lists/{list_id}/webhooks` and `/batch-webhooks`: who is told, and of what.

The vendor looks at an address with GET before it takes it; the server does that beforehand and
`Call.visited` is what was answered.
"""

from typing import Any
from urllib.parse import urlsplit

from sandbox.books import Book, Record
from sandbox.mailchimp.account import Account, alive
from sandbox.mailchimp.call import Call, kind_of
from sandbox.mailchimp.links import link, links_of_many, links_of_one
from sandbox.mailchimp.problems import bad_request, invalid, not_found
from sandbox.mailchimp.route import Route

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")
MOST_OF_BATCHES = 20


def create_webhook(call: Call) -> dict[str, Any]:
    """A new webhook; the answer of its making alone holds the secret, where there is one."""
    account, list_id, asked = call.account, call.list_id, call.body()
    url = _checked_url(call, asked)
    if any(_place(hook["url"]) == _place(url) for hook in _of(account, list_id)):
        # Another query does not make another address of it.
        raise invalid(("url", "Sorry, you can't set up multiple WebHooks for one URL"))
    secret = account.new_hex(32) if account.assumed["webhooks_are_signed"] else ""
    hook = {
        "id": account.new_hex(),
        "list_id": list_id,
        "url": url,
        "events": dict.fromkeys(EVENTS, False) | _switches(asked, "events", EVENTS),
        "sources": dict.fromkeys(SOURCES, False) | _switches(asked, "sources", SOURCES),
        "secret": secret,
        "disabled_at": "",
    }
    account.webhooks.put(hook["id"], hook)
    return _shown(call, hook) | ({"signing_secret": secret} if secret else {})


def list_webhooks(call: Call) -> dict[str, Any]:
    list_id = call.list_id
    found = [_shown(call, hook) for hook in _of(call.account, list_id)]
    href = call.url(f"/lists/{list_id}/webhooks")
    return {
        "webhooks": found,
        "list_id": list_id,
        "total_items": len(found),
        "_links": links_of_many(href, "Lists/Webhooks"),
    }


def show_webhook(call: Call) -> dict[str, Any]:
    return _shown(call, _the_webhook(call))


def update_webhook(call: Call) -> dict[str, Any]:
    """Events and sources that are not named stay; a change takes up a disabled webhook again."""
    hook, asked = _the_webhook(call), call.body()
    if "url" in asked:
        url = _checked_url(call, asked)
        others = (o for o in _of(call.account, hook["list_id"]) if o["id"] != hook["id"])
        if any(_place(other["url"]) == _place(url) for other in others):
            raise invalid(("url", "Sorry, you can't set up multiple WebHooks for one URL"))
        hook = {**hook, "url": url}
    events = hook["events"] | _switches(asked, "events", EVENTS)
    sources = hook["sources"] | _switches(asked, "sources", SOURCES)
    changed = {**hook, "events": events, "sources": sources, "disabled_at": ""}
    return _shown(call, call.account.webhooks.put(hook["id"], changed))


def delete_webhook(call: Call) -> None:
    call.account.webhooks.delete(_the_webhook(call)["id"])


def _of(account: Account, list_id: str) -> list[Record]:
    return [hook for hook in account.webhooks.live() if hook["list_id"] == list_id]


def _the_webhook(call: Call) -> Record:
    hook = alive(call.account.webhooks, call.path["webhook_id"])
    if hook["list_id"] != call.list_id:
        raise not_found()
    return hook


def _shown(call: Call, hook: Record) -> dict[str, Any]:
    told = {name: hook[name] for name in ("id", "url", "events", "sources", "list_id")}
    href = call.url(f"/lists/{hook['list_id']}/webhooks/{hook['id']}")
    return {**told, "_links": links_of_one(href, "Lists/Webhooks")}


def _switches(asked: Record, name: str, known: tuple[str, ...]) -> dict[str, bool]:
    given = asked.get(name, {})
    if not isinstance(given, dict):
        raise invalid((name, f"Schema describes object, {kind_of(given)} found instead"))
    for key, value in given.items():
        if key in known and not isinstance(value, bool):
            said = f"Schema describes boolean, {kind_of(value)} found instead"
            raise invalid((f"{name}.{key}", said))
    return {key: value for key, value in given.items() if key in known}


def _checked_url(call: Call, asked: Record) -> str:
    url = asked.get("url")
    if not isinstance(url, str) or not is_address(url):
        raise invalid(("url", "Please provide a valid URL."))
    if call.visited is not None and not 200 <= call.visited < 300:
        said = "We couldn't verify the URL is working. Please double check and try again."
        raise invalid(("url", f"{said} HTTP Code: {call.visited}"))
    return url


def is_address(url: str) -> bool:
    """Both http and https were allowed."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def _place(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc, parts.path


def create_batch_webhook(call: Call) -> dict[str, Any]:
    book, asked = call.account.batch_webhooks, call.body()
    url = _checked_url(call, asked)
    if len(book) >= MOST_OF_BATCHES:
        raise bad_request(f"You may only have a maximum of {MOST_OF_BATCHES} batch webhooks.")
    if any(hook["url"] == url for hook in book.live()):
        raise invalid(("url", "Sorry, you can't set up multiple WebHooks for one URL"))
    hook_id = call.account.new_hex()
    return _shown_batch_webhook(
        call, book.put(hook_id, {"id": hook_id, "url": url, "enabled": _enabled(asked, True)})
    )


def list_batch_webhooks(call: Call) -> dict[str, Any]:
    found = list(call.account.batch_webhooks.live())
    return {
        "webhooks": [_shown_batch_webhook(call, hook) for hook in call.page_of(found)],
        "total_items": len(found),
        "_links": links_of_many(call.url("/batch-webhooks"), "BatchWebhooks"),
    }


def show_batch_webhook(call: Call) -> dict[str, Any]:
    return _shown_batch_webhook(call, _the_batch_webhook(call))


def update_batch_webhook(call: Call) -> dict[str, Any]:
    hook, asked = _the_batch_webhook(call), call.body()
    url = _checked_url(call, asked) if "url" in asked else hook["url"]
    changed = {**hook, "url": url, "enabled": _enabled(asked, hook["enabled"])}
    return _shown_batch_webhook(call, call.account.batch_webhooks.put(hook["id"], changed))


def delete_batch_webhook(call: Call) -> None:
    call.account.batch_webhooks.delete(_the_batch_webhook(call)["id"])


def _the_batch_webhook(call: Call) -> Record:
    book: Book = call.account.batch_webhooks
    return alive(book, call.path["batch_webhook_id"])


def _enabled(asked: Record, fallback: bool) -> bool:
    value = asked.get("enabled", fallback)
    if not isinstance(value, bool):
        raise invalid(("enabled", f"Schema describes boolean, {kind_of(value)} found instead"))
    return value


def _shown_batch_webhook(call: Call, hook: Record) -> dict[str, Any]:
    href = call.url(f"/batch-webhooks/{hook['id']}")
    links = [link("self", href, schema="BatchWebhooks/Response"), link("delete", href, "DELETE")]
    return {**hook, "_links": links}


ROUTES = [
    Route("POST", "/lists/{list_id}/webhooks", create_webhook),
    Route("GET", "/lists/{list_id}/webhooks", list_webhooks),
    Route("GET", "/lists/{list_id}/webhooks/{webhook_id}", show_webhook),
    Route("PATCH", "/lists/{list_id}/webhooks/{webhook_id}", update_webhook),
    Route("DELETE", "/lists/{list_id}/webhooks/{webhook_id}", delete_webhook),
    Route("POST", "/batch-webhooks", create_batch_webhook),
    Route("GET", "/batch-webhooks", list_batch_webhooks),
    Route("GET", "/batch-webhooks/{batch_webhook_id}", show_batch_webhook),
    Route("PATCH", "/batch-webhooks/{batch_webhook_id}", update_batch_webhook),
    Route("DELETE", "/batch-webhooks/{batch_webhook_id}", delete_batch_webhook),
]
