"""What is wrong in a file, told in the operator's words and with the line it is on.

    text --compose--> nodes (with lines) --construct--> values --pydantic--> errors
                        '------------------ place(loc) ------------------------'--> Mistake

The nodes are kept beside the values because values have no lines.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from pipelines.kinds import KINDS
from pipelines.pipedrive_side.selection import TAGS

Place = tuple[str | int, ...]
TIMESTAMP = "tag:yaml.org,2002:timestamp"
VENDORS = frozenset(vendor for kind in KINDS.values() for vendor in kind.vendors.values())

SAID_ELSEWHERE = {
    "active": "whether a bot is active is not said here: use `syncline pause` and `resume`",
    "paused": "whether a bot is paused is not said here: use `syncline pause` and `resume`",
}
# By the beginning of the pattern in the model; the input is never repeated, it may be a secret.
PATTERNS = {
    "^[a-z0-9][a-z0-9_-]": "use small letters, digits, - and _, at most 63",
    r"^[1-9]\d*[smhd]$": "write a number and a unit: 30s, 15m, 1h or 1d",
    "^[A-Z][A-Z0-9_]*$": "give the NAME of a secret, like ACME_TOKEN, never the secret itself",
    "^https?://": "write an address like https://api.example.com",
    r"^\d+\.\d+$": 'write a version in quotes, like "1.8"',
}

BOUNDS = {
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
}


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing to correct; `str()` of it is clickable in most terminals and editors."""

    file: Path
    line: int
    path: str
    sentence: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.path}: {self.sentence}" if self.path else f"{where}: {self.sentence}"
        )


@dataclass(frozen=True)
class Page:
    """One YAML file as read: its values, and its nodes for the lines. Both None if unreadable."""

    file: Path
    node: Node | None = None
    values: Any = None

    def line_of(self, place: Place) -> int:
        """The line of the deepest part of `place` that the file has."""
        node, line = self.node, 1
        for part in place:
            step = _step(node, part)
            if step is not None:
                node, line = step
        return line

    def mistake(self, place: Place, sentence: str) -> Mistake:
        return Mistake(self.file, self.line_of(place), dotted(place), sentence)


def read_page(file: Path) -> tuple[Page, list[Mistake]]:
    """The file's values, with every mistake of YAML itself; duplicate keys are all reported."""
    yaml = YAML(typ="safe", pure=True)
    # Else the first duplicate ends the reading and the second is found a day later.
    yaml.allow_duplicate_keys = True
    node: Node | None = None
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text)
        values = yaml.load(text)
    except UnicodeDecodeError:
        return Page(file), [Mistake(file, 1, "", "the file is not UTF-8 text")]
    except OSError as error:
        return Page(file), [Mistake(file, 1, "", f"cannot be read: {error.strerror}")]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = " ".join(str(error.problem or error.context).split())
        return Page(file), [Mistake(file, line, "", f"not YAML: {problem}")]
    except ValueError as error:
        impossible = _impossible_dates(file, node, ())
        said = " ".join(str(error).split())
        return Page(file), impossible or [Mistake(file, 1, "", f"not YAML: {said[:200]}")]
    except (YAMLError, RecursionError) as error:
        said = " ".join(str(error).split())
        return Page(file), [Mistake(file, 1, "", f"not YAML: {said[:200]}")]
    if values is None:
        return Page(file), [Mistake(file, 1, "", "the file is empty")]
    if not isinstance(values, dict):
        return Page(file), [Mistake(file, 1, "", "the file should be a mapping of keys")]
    return Page(file, node, values), [
        Mistake(file, line, dotted(place), f"the key stands here twice, first in line {first}")
        for place, line, first in _twice(node, (), frozenset())
    ]


def in_words(
    page: Page, errors: Sequence[ErrorDetails], schema: Mapping[str, Any]
) -> list[Mistake]:
    """Errors of pydantic as mistakes; `schema` is the model's JSON schema, for its known keys."""
    found = []
    for error in errors:
        place = tuple(part for part in error["loc"] if not _is_tag(page, error["loc"], part))
        if error["type"] == "missing":
            sentence = _missing(schema, place)
        elif error["type"] in ("extra_forbidden", "invalid_key"):
            sentence = _unknown_key(schema, place)
        else:
            sentence = _sentence(error, schema, place)
        found.append(page.mistake(place, sentence))
    return found


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about a word nobody knows: what was meant, or what there is."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; there is {', '.join(sorted(known))}" if known else "; there is none"


def dotted(place: Place) -> str:
    """
    >>> dotted(("bots", 0, "deals", 1, "stage"))
    'bots[0].deals[1].stage'
    """
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts.removeprefix(".")


def _step(node: Node | None, part: str | int) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def _twice(
    node: Node | None, place: Place, above: frozenset[int]
) -> Iterator[tuple[Place, int, int]]:
    """Every key that stands twice in one mapping. An alias may contain itself: `above` ends it."""
    if node is None or id(node) in above:
        return
    below = above | {id(node)}
    if isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            yield from _twice(item, (*place, index), below)
    elif isinstance(node, MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in first:
                yield (*place, name), line, first[name]
            first.setdefault(name, line)
            yield from _twice(value, (*place, name), below)


def _impossible_dates(file: Path, node: Node | None, place: Place) -> list[Mistake]:
    """Every scalar that looks like a date to YAML and is none; YAML tells of it without a line."""
    if isinstance(node, MappingNode):
        below = [((*place, str(key.value)), value) for key, value in node.value]
    elif isinstance(node, SequenceNode):
        below = [((*place, index), item) for index, item in enumerate(node.value)]
    else:
        below = []
        if node is not None and node.tag == TIMESTAMP and not _is_date(str(node.value)):
            said = "an impossible date; write one of the calendar, like 2026-11-01"
            return [Mistake(file, node.start_mark.line + 1, dotted(place), said)]
    return [one for there, item in below for one in _impossible_dates(file, item, there)]


def _is_date(text: str) -> bool:
    """
    >>> _is_date("2026-11-01"), _is_date("2026-2-3 10:00:00"), _is_date("2026-13-01")
    (True, True, False)
    """
    try:
        date(*(int(part) for part in re.split(r"\D", text, maxsplit=3)[:3]))
    except ValueError:
        return False
    return True


def _is_tag(page: Page, loc: Place, part: str | int) -> bool:
    """Whether a part of an error's location names a branch of a union and not a key."""
    if part in TAGS:
        return True
    above = loc[: loc.index(part)]
    return part in VENDORS and len(above) == 1 and page.values is not None


def _known_keys(schema: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The properties of the model that stands at `place`."""
    branches: list[Mapping[str, Any]] = [schema]
    for part in place:
        branches = [below for branch in _open(schema, branches) for below in _below(branch, part)]
    return {k: v for one in _open(schema, branches) for k, v in one.get("properties", {}).items()}


def _open(
    schema: Mapping[str, Any], branches: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The same branches with references followed and unions spread out."""
    opened: list[Mapping[str, Any]] = []
    for branch in branches:
        if "$ref" in branch:
            target = schema["$defs"][branch["$ref"].rpartition("/")[2]]
            opened += _open(schema, [target])
        elif "anyOf" in branch or "oneOf" in branch:
            opened += _open(schema, branch.get("anyOf") or branch["oneOf"])
        else:
            opened.append(branch)
    return opened


def _below(branch: Mapping[str, Any], part: str | int) -> list[Mapping[str, Any]]:
    if isinstance(part, int):
        return [branch["items"]] if "items" in branch else []
    if part in branch.get("properties", {}):
        return [branch["properties"][part]]
    more = branch.get("additionalProperties")
    return [more] if isinstance(more, Mapping) else []


def _missing(schema: Mapping[str, Any], place: Place) -> str:
    key = str(place[-1])
    described = _known_keys(schema, place[:-1]).get(key, {}).get("description", "")
    return f"`{key}` is missing" + (f" ({described.rstrip('.')})" if described else "")


def _unknown_key(schema: Mapping[str, Any], place: Place) -> str:
    key = str(place[-1])
    if key in SAID_ELSEWHERE:
        return SAID_ELSEWHERE[key]
    return f"unknown key `{key}`" + nearest(key, list(_known_keys(schema, place[:-1])))


def _sentence(error: ErrorDetails, schema: Mapping[str, Any], place: Place) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error" | "union_tag_invalid":
            allowed = str(context.get("expected") or context.get("expected_tags"))
            words = [word.strip("' ") for word in allowed.replace(" or ", ", ").split(",")]
            given = error["input"] if error["type"] == "literal_error" else context["tag"]
            known = f"one of {', '.join(words)}" if len(words) > 1 else f"`{words[0]}`"
            return f"should be {known}" + _hint(given, words)
        case "union_tag_not_found":
            return "`vendor` is missing"
        case "string_pattern_mismatch":
            return _shape(str(context["pattern"])) or error["msg"]
        case "string_type":
            return _unquoted(error, _about(schema, place))
        case kind if kind in BOUNDS:
            return f"should be {BOUNDS[kind].format(**context)}" + _range(_about(schema, place))
        case "model_type" | "model_attributes_type" | "dict_type":
            return "should be a mapping of keys"
        case "tuple_type":
            return "should be a list"
        case "string_too_short":
            return "should not be empty"
    return error["msg"].replace("Input should", "should", 1)


def _about(schema: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """What the model says of one value; {} for an item of a list."""
    if not place or isinstance(place[-1], int):
        return {}
    stated: dict[str, Any] = _known_keys(schema, place[:-1]).get(str(place[-1]), {})
    branches: list[dict[str, Any]] = stated.get("anyOf", [])
    return stated | next((one for one in branches if one.get("type") != "null"), {})


def _shape(pattern: str) -> str:
    return next((said for known, said in PATTERNS.items() if pattern.startswith(known)), "")


def _unquoted(error: ErrorDetails, about: Mapping[str, Any]) -> str:
    """A number or a yes where text belongs; what stands there is not repeated."""
    given = {bool: "yes or no", int: "a number", float: "a number", date: "a date"}
    shape = _shape(str(about.get("pattern", ""))) or "put it in quotes"
    found = given.get(type(error["input"]))
    return f"without quotes YAML reads {found}: {shape}" if found else "should be text"


def _range(about: Mapping[str, Any]) -> str:
    """The end of a sentence about a number that is too small or too large."""
    low, high = about.get("minimum"), about.get("maximum")
    if low is None or high is None:
        return ""
    return f": write a number from {low:g} to {high:g}"


def _hint(given: Any, words: Sequence[str]) -> str:
    close = get_close_matches(str(given), words, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else ""
