"""Which of our things have a number for an id at the vendor, and what is no such number.

An id reaches the ledger from an answer, or by a person's word, who may have typed anything.
"""

import re

# A deal field has a code, a list and a merge var have names of Mailigen's.
NUMBERED = frozenset(
    {"activity", "audience_person", "deal", "filter", "note", "person", "person_link"}
)
NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def is_possible(noun: str, remote_id: str) -> bool:
    """Whether a thing of that kind can have that id.

    >>> is_possible("note", "12"), is_possible("note", "abc"), is_possible("deal_field", "abc")
    (True, False, True)
    """
    return noun not in NUMBERED or NUMBER.fullmatch(remote_id) is not None


def known_id(noun: str, remote_id: str | None) -> str | None:
    """The id, or None where nothing can have it: then nobody knows which thing it was."""
    return remote_id if remote_id and is_possible(noun, remote_id) else None
