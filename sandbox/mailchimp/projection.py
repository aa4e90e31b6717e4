"""`fields` and `exclude_fields`: the parts of an answer a caller asked for.

Names are separated by commas, steps into an object by dots; an array is walked through, so
`members.id` is the id of every member.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Tree = dict[str, "Tree"]


def projected(body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """The body as the query wants it; what was named and is not there is no error.

    >>> projected({"a": [{"b": 1, "c": 2}], "d": 3}, {"fields": "a.b"})
    {'a': [{'b': 1}]}
    >>> projected({"a": [{"b": 1, "c": 2}], "d": 3}, {"exclude_fields": "a.b,d"})
    {'a': [{'c': 2}]}
    """
    if wanted := query.get("fields"):
        body = _kept(body, _tree(wanted.split(",")))
    if unwanted := query.get("exclude_fields"):
        body = _without(body, _tree(unwanted.split(",")))
    return body


def _tree(names: Iterable[str]) -> Tree:
    tree: Tree = {}
    for name in names:
        place = tree
        for step in name.strip().split("."):
            place = place.setdefault(step, {})
    return tree


def _kept(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_kept(part, tree) for part in value]
    if isinstance(value, dict):
        return {name: _kept(part, tree[name]) for name, part in value.items() if name in tree}
    return value


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(part, tree) for part in value]
    if isinstance(value, dict):
        return {
            name: _without(part, tree.get(name, {}))
            for name, part in value.items()
            if name not in tree or tree[name]
        }
    return value
