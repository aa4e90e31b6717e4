"""Which merge tag on the list carries which field.

A list's merge vars have a name (what a person reads) and a tag (what the API takes). An
existing one of the same name is adopted; a missing one is created under a tag made from
its name. Once chosen, a tag is pinned: renaming a field never moves its values.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

LONGEST_TAG = 10  # what the API's family allows; Mailigen publishes no figure
OURS = frozenset({"EMAIL", "SOURCE"})  # the address itself, and what names the bots
FIXED = {"person.first_name": "FNAME", "person.last_name": "LNAME"}
LIST_NAMES = {"FNAME": "First name", "LNAME": "Last name", "SOURCE": "Source"}


TAKES_ANY = ("text", "phone", "address")  # what any text may be written into
FITS = {"number": ("int", "double"), "date": ("date",)}  # and the fields that fit narrower ones


class MergeVar(NamedTuple):
    """A merge var to create on the list."""

    tag: str
    name: str


class Labelled(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def field_type(self) -> str: ...
    @property
    def is_gone(self) -> bool: ...


def plan_merge_vars(
    fields: Iterable[Labelled], existing: Iterable[Mapping[str, Any]], pinned: Mapping[str, str]
) -> tuple[dict[str, str], tuple[MergeVar, ...], dict[str, str]]:
    """Return (tag of each field key, vars to create, tags newly chosen).

    A field that is gone keeps its tag and creates nothing.
    """
    existing = list(existing)
    names = {str(v["tag"]).upper(): str(v.get("name", "")) for v in existing}
    kinds = {str(v["tag"]).upper(): str(v.get("field_type") or "text") for v in existing}
    tags: dict[str, str] = {}
    missing: list[MergeVar] = []
    chosen: dict[str, str] = {}
    taken = {*OURS, *FIXED.values(), *names, *pinned.values()}
    for field in fields:
        tag = (
            pinned.get(field.key)
            or FIXED.get(field.key)
            or _adopted(field, names, kinds, tags.values())
        )
        if tag is None:
            tag = make_tag(field.label, taken)
        taken.add(tag)
        tags[field.key] = tag
        if field.key not in pinned:
            chosen[field.key] = tag
        if tag not in names and not field.is_gone:
            missing.append(MergeVar(tag, field.label))
    if "SOURCE" not in names:
        missing.append(MergeVar("SOURCE", LIST_NAMES["SOURCE"]))
    return tags, tuple(missing), chosen


def _adopted(
    field: Labelled, names: Mapping[str, str], kinds: Mapping[str, str], used: Iterable[str]
) -> str | None:
    """The tag of an existing var of the field's name, unless it is ours or another field's, or of
    a type that would refuse the field's text."""
    for tag, name in names.items():
        if kinds[tag] not in TAKES_ANY and field.field_type not in FITS.get(kinds[tag], ()):
            continue
        if name.casefold() == field.label.casefold() and tag not in {
            *OURS, *FIXED.values(), *used,
        }:  # fmt: skip
            return tag
    return None


def make_tag(name: str, taken: Iterable[str]) -> str:
    """Make a merge tag of a field's name, different from those taken.

    >>> make_tag("Customer tier", ())
    'CUSTOMERTI'
    >>> make_tag("Customer tier", ("CUSTOMERTI",))
    'CUSTOMERT2'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Z0-9]", "", plain.upper())[:LONGEST_TAG] or "FIELD"
    used, tag, n = set(taken), stem, 2
    while tag in used:
        tag = stem[: LONGEST_TAG - len(str(n))] + str(n)
        n += 1
    return tag
