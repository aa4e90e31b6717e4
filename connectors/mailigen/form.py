"""PHP's nested form fields, the only language Mailigen reads.

Booleans are written 1 and 0, as PHP itself does: the word "false" would be
true on the other side, and several flags here send mail.
"""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote_plus


def encode_form(fields: Mapping[str, object]) -> bytes:
    """Return the body of a POST; None and empty collections leave no trace.

    >>> encode_form({"id": "7", "double_optin": False, "batch": [{"EMAIL": "a@x.lv"}]})
    b'id=7&double_optin=0&batch%5B0%5D%5BEMAIL%5D=a%40x.lv'
    """
    pairs = (pair for key, value in fields.items() for pair in _flat(_plain(key), value))
    # Half a surrogate pair (a broken emoji) becomes "?": one name must not stop a run.
    return "&".join(
        f"{quote_plus(key, errors='replace')}={quote_plus(value, errors='replace')}"
        for key, value in pairs
    ).encode("ascii")


def _flat(key: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for inner, each in value.items():
            yield from _flat(f"{key}[{_plain(inner)}]", each)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for at, each in enumerate(value):
            yield from _flat(f"{key}[{at}]", each)
    elif isinstance(value, bool):
        yield key, "1" if value else "0"
    else:
        yield key, str(value)


def _plain(key: object) -> str:
    """A bracket inside a name would put its value into somebody else's place."""
    text = str(key)
    if not text or "[" in text or "]" in text:
        raise ValueError(f"{text!r} cannot be the name of a form field")
    return text
