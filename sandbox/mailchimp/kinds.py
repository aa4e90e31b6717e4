"""Whether the members of a body are of the types that the vendor's schema has for them."""

from collections.abc import Mapping
from typing import Any

from sandbox.mailchimp.call import kind_of
from sandbox.mailchimp.problems import invalid

WORDS: dict[type, str] = {
    str: "string", dict: "object", bool: "boolean", list: "array", int: "integer"
}  # fmt: skip


def check_types(body: Mapping[str, Any], types: Mapping[str, type], place: str = "") -> None:
    """Refuse the first-named members of another type, all at once; unknown ones are passed over.

    `true` is no integer here, as it is none in JSON.
    """
    errors = [
        (f"{place}{name}", f"Schema describes {WORDS[known]}, {kind_of(body[name])} found instead")
        for name, known in types.items()
        if name in body and type(body[name]) is not known
    ]
    if errors:
        raise invalid(*errors)
