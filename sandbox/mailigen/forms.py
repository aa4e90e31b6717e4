"""Forms as PHP reads them, and values as PHP serializes them.

`merge_vars[FNAME]=Ann&batch[0][EMAIL]=a@x.lv&emails[]=b@x.lv` becomes nested dictionaries with text
keys: PHP has one kind of array, so a list is a dictionary whose keys are "0", "1", ...
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode

from sandbox.mailigen.errors import MailigenError

Tree: TypeAlias = "str | dict[str, Tree]"
Item = TypeVar("Item")

DEEPEST = 64  # PHP's max_input_nesting_level: deeper fields are dropped
_ROW = re.compile(r"batch\[(\d{1,9})\]")
LONGEST_NUMBER = 9  # digits; a page number beyond that is a mistake, not a page


def read_form(pairs: Sequence[tuple[str, str]]) -> dict[str, Tree]:
    """The tree of a form's pairs. Later values win; a value in the way of a branch gives way.

    >>> read_form([("a[b]", "1"), ("a[]", "2"), ("c.d", "3")])
    {'a': {'b': '1', '0': '2'}, 'c_d': '3'}
    """
    tree: dict[str, Tree] = {}
    for name, value in pairs:
        keys = _keys(name)
        if keys and len(keys) <= DEEPEST:
            _plant(tree, keys, value)
    return tree


def split_body(body: bytes, most: int | None) -> list[tuple[str, str]]:
    """The pairs of an urlencoded body, at most `most` of them, the rest dropped in silence."""
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return pairs if most is None else pairs[:most]


def first_rows(body: bytes, rows: int) -> bytes:
    """The body without the rows of its batch from number `rows` on.

    >>> first_rows(b"id=1&batch%5B0%5D%5BEMAIL%5D=a&batch%5B1%5D%5BEMAIL%5D=b", 1)
    b'id=1&batch%5B0%5D%5BEMAIL%5D=a'
    """
    kept = [
        (name, value)
        for name, value in split_body(body, None)
        if not ((row := _ROW.match(name)) and int(row[1]) >= rows)
    ]
    return urlencode(kept).encode()


def _keys(name: str) -> list[str]:
    name = name.lstrip(" ")
    first, bracket, rest = name.partition("[")
    if not first or not bracket or "]" not in rest:
        return [name.translate(_NOT_IN_NAMES)] if name else []
    keys = [first.translate(_NOT_IN_NAMES)]
    while "]" in rest:
        key, _, rest = rest.partition("]")
        keys.append(key)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    return keys


_NOT_IN_NAMES = str.maketrans({".": "_", " ": "_", "[": "_"})


def _plant(tree: dict[str, Tree], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        place = key if key else _next_index(tree)
        branch = tree.get(place)
        if not isinstance(branch, dict):
            branch = {}
            tree[place] = branch
        tree = branch
    tree[keys[-1] if keys[-1] else _next_index(tree)] = value


def _next_index(tree: dict[str, Tree]) -> str:
    numbers = [int(k) for k in tree if k.isascii() and k.isdigit() and len(k) <= LONGEST_NUMBER]
    return str(max(numbers) + 1 if numbers else 0)


def serialize_php(value: Any) -> str:
    """What PHP's `serialize` makes of a JSON value.

    >>> serialize_php({"a": [True, 1.5, None, "é"]})
    'a:1:{s:1:"a";a:4:{i:0;b:1;i:1;d:1.5;i:2;N;i:3;s:2:"é";}}'
    """
    if value is None:
        return "N;"
    if isinstance(value, bool):
        return f"b:{int(value)};"
    if isinstance(value, int):
        return f"i:{value};"
    if isinstance(value, float):
        return f"d:{value};"
    if isinstance(value, str):
        return f's:{len(value.encode())}:"{value}";'
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    inner = "".join(serialize_php(key) + serialize_php(item) for key, item in pairs)
    return f"a:{len(value)}:{{{inner}}}"


class Page(NamedTuple):
    """A page by number: `start` counts pages, not records."""

    start: int
    limit: int

    def cut(self, records: Sequence[Item]) -> Sequence[Item]:
        return records[self.start * self.limit : (self.start + 1) * self.limit]


class Form:
    """The parameters of one call, read by name and kind; what is missing or unfit is an error."""

    def __init__(self, tree: dict[str, Tree], *, text_false_is_false: bool) -> None:
        self._tree = tree
        self._false = ("", "0", "false") if text_false_is_false else ("", "0")

    def text(self, name: str) -> str:
        """A value that must be there and not be empty."""
        value = self.optional(name)
        if not value:
            raise MailigenError("invalid_parameter", f"Missing parameter: {name}")
        return value

    def either(self, name: str, other: str) -> str:
        """A value that the published classes and their docblocks call by two names."""
        return self.text(name if name in self._tree or other not in self._tree else other)

    def optional(self, name: str, fallback: str = "") -> str:
        value = self._tree.get(name, fallback)
        if isinstance(value, dict):
            raise MailigenError("invalid_parameter", f"Parameter {name} must be a single value")
        return value

    def flag(self, name: str, fallback: bool) -> bool:
        return self.optional(name).lower() not in self._false if name in self._tree else fallback

    def has(self, name: str) -> bool:
        return name in self._tree

    def tree(self, name: str) -> Tree:
        """A value or a branch as it came, for calls that set one of several options."""
        if name not in self._tree:
            raise MailigenError("invalid_parameter", f"Missing parameter: {name}")
        return self._tree[name]

    def branch(self, name: str) -> dict[str, Tree]:
        """A nested value; nothing or an empty text stands for an empty one."""
        value = self._tree.get(name, "")
        if isinstance(value, str) and value:
            raise MailigenError("invalid_parameter", f"Parameter {name} must be an array")
        return value if isinstance(value, dict) else {}

    def under(self, name: str) -> "Form":
        """The parameters inside a nested value."""
        inner = Form(self.branch(name), text_false_is_false=True)
        inner._false = self._false
        return inner

    def texts(self, name: str) -> list[str]:
        """The single values of a nested list; a lone value is a list of one."""
        value = self._tree.get(name, "")
        if isinstance(value, str):
            return [value] if value else []
        return [item for item in value.values() if isinstance(item, str)]

    def rows(self, name: str) -> list[dict[str, Tree]]:
        """The records of a batch, an empty one for a row that is no record."""
        if not self.branch(name):
            raise MailigenError("invalid_parameter", f"Missing parameter: {name}")
        return [row if isinstance(row, dict) else {} for row in self.branch(name).values()]

    def page(self, fallback: int, most: int) -> Page:
        """`start` and `limit`; a limit above `most` is lowered to it without a word."""
        return Page(self._whole("start", 0, 0), min(self._whole("limit", fallback, 1), most))

    def _whole(self, name: str, fallback: int, least: int) -> int:
        text = self.optional(name)
        if not text:
            return fallback
        if not (text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER):
            raise MailigenError("invalid_parameter", f"Parameter {name} must be a whole number")
        if int(text) < least:
            raise MailigenError("invalid_parameter", f"Parameter {name} must be at least {least}")
        return int(text)
