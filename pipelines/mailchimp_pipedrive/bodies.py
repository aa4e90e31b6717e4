"""Values as the vendors take them: the plan's text in the form of each field's type, and back.

The plan compares text (numbers without useless zeros, days as 2026-11-02, an address as its
parts); a request carries numbers, objects and lists of entries.
"""

import re
from typing import Any

import orjson

PHONES = "phone"
CUSTOM = re.compile(r"[0-9a-f]{40}")  # the code of a custom field; others are named
NUMBERS = frozenset({"double", "int"})
SHORTEST_LIMIT = 50  # characters: no vendor cuts a text before that


def needs_person(wanted: dict[str, Any]) -> bool:
    """Whether the person must be read before it is written: of several addresses or numbers one
    is replaced, and money keeps its currency."""
    kinds = [wanted["types"].get(code) for code in wanted["fields"]]
    return bool(wanted.get("email")) or PHONES in wanted["fields"] or "monetary" in kinds


def of_person(
    wanted: dict[str, Any], person: dict[str, Any], replaces: str | None = None
) -> dict[str, Any]:
    """The body that writes mapped fields of a person; '' clears."""
    body: dict[str, Any] = {}
    held = person.get("custom_fields") or {}
    for code, text in wanted["fields"].items():
        if code == PHONES:
            body["phones"] = replaced(person.get("phones") or [], None, text)
        elif CUSTOM.fullmatch(code):
            value = _typed(wanted["types"].get(code, ""), text, held.get(code), wanted["currency"])
            body.setdefault("custom_fields", {})[code] = value
        else:
            body[code] = text
    if wanted.get("email"):
        body["emails"] = replaced(person.get("emails") or [], replaces, str(wanted["email"]))
    return body


def _typed(kind: str, text: str, held: Any, currency: str) -> Any:
    if not text:
        return None
    if kind == "double":
        return float(text)
    if kind == "int":
        return int(float(text))
    if kind == "monetary":
        kept = held.get("currency") if isinstance(held, dict) else None
        return {"value": float(text), "currency": kept or currency}
    return text


def replaced(entries: list[dict[str, Any]], old: str | None, new: str) -> list[dict[str, Any]]:
    """The entries with one of them changed: the one that is `old`, else the primary one."""
    known = [
        n for n, one in enumerate(entries)
        if old is not None and str(one.get("value") or "").lower() == old.lower()
    ]  # fmt: skip
    primary = [n for n, one in enumerate(entries) if one.get("primary")]
    at = next(iter([*known, *primary, *range(len(entries))]), None)
    if at is None:
        return [{"value": new, "primary": True, "label": "work"}] if new else []
    if not new:
        return [one for n, one in enumerate(entries) if n != at]
    return [one | {"value": new} if n == at else one for n, one in enumerate(entries)]


def shown_of_person(person: dict[str, Any], wanted: dict[str, Any]) -> dict[str, str]:
    """What the person holds of what was sent, in the form of the plan."""
    shown = {}
    for code in [*wanted["fields"], *(["email"] if wanted.get("email") else [])]:
        if code == "email":
            has = [str(one.get("value") or "").lower() for one in person.get("emails") or []]
            shown[code] = wanted["email"] if wanted["email"] in has else next(iter(has), "")
        elif code == PHONES:
            entries: list[dict[str, Any]] = person.get("phones") or []
            primary = [one for one in entries if one.get("primary")]
            chosen = [str(one.get("value") or "") for one in (*primary, *entries)]
            shown[code] = next(iter(chosen), "")
        else:
            value = person.get(code, (person.get("custom_fields") or {}).get(code))
            shown[code] = plain(value.get("value") if isinstance(value, dict) else value)
    return shown


def of_member(wanted: dict[str, Any]) -> dict[str, Any]:
    """The merge values of a contact; '' clears."""
    return {tag: _merge(wanted["kinds"].get(tag, ""), text)
            for tag, text in wanted["fields"].items()}  # fmt: skip


def _merge(kind: str, text: str) -> Any:
    if not text:
        return ""
    if kind == "number":
        number = float(text)
        return int(number) if number.is_integer() else number
    return orjson.loads(text) if kind == "address" else text


def plain(value: Any) -> str:
    """A value as the models write it: numbers without useless zeros, nothing as ''."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return str(value).strip()


def came_of(sent: str, shown: str) -> bool:
    """Whether a vendor may have made what it shows of what it was sent: as it is, spelled anew, or
    cut at a limit. Where no answer said so, that is how our own write is known from an edit."""
    if sent == shown:
        return True
    try:
        return float(sent) == float(shown)  # 1.5 and 15 have the same letters
    except ValueError:
        said, found = _letters(sent), _letters(shown)
    was_cut = len(shown) >= SHORTEST_LIMIT and said.startswith(found)
    return bool(said) and (said == found or was_cut)


def _letters(text: str) -> str:
    return "".join(one for one in text.casefold() if one.isalnum())
