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
LIST_NAMES = {"FNAME": "First name", "LNAME": "Last name", "SOURCE": "Source"}


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
    def is_gone(self) -> bool: ...


def plan_merge_vars(
    fields: Iterable[Labelled], existing: Iterable[Mapping[str, Any]], pinned: Mapping[str, str]
) -> tuple[dict[str, str], tuple[MergeVar, ...], dict[str, str]]:
    """Return (tag of each field key, vars to create, tags newly chosen).

    A field that is gone keeps its tag and creates nothing.
    """
    names = {str(v["tag"]).upper(): str(v.get("name", "")) for v in existing}
    by_name = {name.casefold(): tag for tag, name in names.items()}
    by_label = {name: tag for tag, name in LIST_NAMES.items()}
    tags: dict[str, str] = {}
    missing: list[MergeVar] = []
    chosen: dict[str, str] = {}
    taken = set(names) | set(pinned.values())
    for field in fields:
        fixed = by_label.get(field.label)
        tag = pinned.get(field.key) or fixed or by_name.get(field.label.casefold())
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
