"""Which of the records a list gave is the one we wrote. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connectors.errors import Refused
from connectors.pipedrive import wire

Record = dict[str, Any]
Page = list[Record]


def first(pages: Iterator[Page], is_it: Callable[[Record], bool]) -> int | None:
    """Return the id of the first match, reading no further page than needed."""
    for page in pages:
        for record in page:
            if is_it(record) and isinstance(record.get("id"), int):
                return int(record["id"])
    return None


def is_in(record: object, keys: Sequence[str], marker: str) -> bool:
    texts = [record.get(key) for key in keys] if isinstance(record, dict) else []
    return any(marker in text for text in texts if isinstance(text, str))


def addresses(person: Record) -> set[str]:
    emails = person.get("emails")
    return {
        str(entry.get("value") or "").strip().casefold()
        for entry in (emails if isinstance(emails, list) else [])
        if isinstance(entry, dict)
    }


def only(found: Page, call: str, key: str) -> Record | None:
    if len(found) > 1:
        said = f"{len(found)} with that name: {', '.join(str(record.get(key)) for record in found)}"
        raise Refused(wire.VENDOR, call, said)
    return found[0] if found else None
