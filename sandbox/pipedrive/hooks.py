"""Webhooks v2: who asked for what, and the body they get.

No signature: Basic auth when the subscriber gave one. Ten failed first attempts ban a webhook
for thirty minutes; what happens meanwhile is lost ("Guide for webhooks v2").
"""

import base64
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson

from sandbox.books import Book, Record
from sandbox.pipedrive.call import Call

ENTITIES = {
    "activities": "activity",
    "deals": "deal",
    "notes": "note",
    "organizations": "organization",
    "persons": "person",
    "pipelines": "pipeline",
    "stages": "stage",
    "users": "user",
}
FAILURES_TO_BAN = 10
BAN = timedelta(minutes=30)


class Hooks:
    """Subscriptions live in the book `webhooks`."""

    def __init__(
        self, book: Book, deliver: Callable[[str, str, dict[str, str], bytes], None], seed: int
    ) -> None:
        self._book, self._deliver, self._seed = book, deliver, seed
        self._failures: Counter[str] = Counter()
        self._banned_until: dict[str, datetime] = {}
        self._last_at: datetime | None = None
        self._count = 0

    def tell(
        self,
        action: str,
        name: str,
        after: Record | None,
        before: Record | None,
        call: Call,
        **meta: Any,
    ) -> None:
        """Send the event to everybody who asked for it and is not banned."""
        entity = ENTITIES.get(name)
        for hook in self._book.live() if entity else ():
            if hook["event_action"] not in ("*", action) or hook["event_object"] not in (
                "*",
                entity,
            ):
                continue
            url = hook["subscription_url"]
            self._last_at = call.at
            if url in self._banned_until and call.at < self._banned_until[url]:
                continue
            body = self._body(action, str(entity), after, before, call, hook)
            body["meta"] |= meta
            self._deliver("pipedrive", url, _headers(hook), orjson.dumps(body))

    def fared(self, url: str, status: int, attempt: int) -> None:
        """An attempt is over: keep the subscription's record and the ban counter."""
        is_well = 200 <= status < 300
        for hook in self._book.live():
            if hook["subscription_url"] == url:
                hook["last_http_status"] = status or None
                hook["last_delivery_time"] = _iso(self._last_at) if self._last_at else None
        if is_well:
            self._failures.pop(url, None)
        elif attempt == 1:
            self._failures[url] += 1
            if self._failures[url] >= FAILURES_TO_BAN and self._last_at:
                self._banned_until[url] = self._last_at + BAN
                self._failures.pop(url)

    def _body(
        self,
        action: str,
        entity: str,
        after: Record | None,
        before: Record | None,
        call: Call,
        hook: Record,
    ) -> dict[str, Any]:
        record = after or before or {}
        previous = before
        if after is not None and before is not None:
            previous = {k: v for k, v in before.items() if after.get(k) != v}
        self._count += 1
        event = uuid.uuid5(uuid.NAMESPACE_OID, f"{self._seed}/{self._count}")
        meta = {
            "action": action,
            "entity": entity,
            "entity_id": str(record["id"]),
            "company_id": str(hook["company_id"]),
            "correlation_id": str(uuid.uuid5(event, "correlation")),
            "id": str(event),
            "is_bulk_edit": False,
            "timestamp": _iso(call.at),
            "type": "general",
            "user_id": str(call.user["id"]),
            "version": "2.0",
            "webhook_id": str(hook["id"]),
            "webhook_owner_id": str(hook["owner_id"]),
            "change_source": "api",
            "attempt": 1,
            "host": "acme.pipedrive.com",
            "permitted_user_ids": [str(call.user["id"])],
        }
        return {"meta": meta, "data": after, "previous": previous}


def _headers(hook: Record) -> dict[str, str]:
    headers = {"content-type": "application/json", "user-agent": "Pipedrive Webhooks"}
    if hook["http_auth_user"]:
        pair = f"{hook['http_auth_user']}:{hook['http_auth_password'] or ''}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
