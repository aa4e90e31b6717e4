"""The keep file: what no vendor can give back, one JSON line each, only ever appended.

Consent, activations, settled doubts and tombstones, and who is who where a
person's record does not tell; addresses as keyed hashes. When the state
database is lost, `adopt` reads this before it writes.

    consent, lifted, settled, tombstone   happenings: every line counts
    activation, contact, address,         standings: the last line of a thing
      lineage, link, key                  says how it stood when it was kept
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

Subject = Literal[
    "consent", "lifted", "settled", "tombstone",
    "activation", "contact", "address", "lineage", "link", "key",
]  # fmt: skip
# What tells one standing from another.
KEYS: dict[str, tuple[str, ...]] = {
    "activation": ("sync", "bot_id"),
    "contact": ("account", "contact_id"),
    "address": ("account", "contact_id", "address_hash", "from_sweep"),
    "lineage": ("account", "contact_id", "ancestor_id"),
    "link": ("account", "object", "remote_id"),
    "key": ("fingerprint",),
}


def append(home: Path, subject: Subject, rows: Sequence[dict[str, Any]]) -> None:
    """Add lines and return once they are on the disk. Never pass an address in the clear."""
    if not rows:
        return
    lines = b"".join(orjson.dumps({"subject": subject, **row}) + b"\n" for row in rows)
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(keep_path(home), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # A power cut may have left half a line: end it, so that it spoils only itself.
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        while lines:
            lines = lines[os.write(descriptor, lines) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(home: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines, oldest first; a line that a power cut broke is left out."""
    try:
        file = keep_path(home).open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def standings(home: Path) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Return, by subject and key, how each thing stood when it was last kept."""
    found: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in KEYS}
    for line in read(home):
        subject = line.pop("subject", None)
        if subject in KEYS:
            found[subject][tuple(line.get(name) for name in KEYS[subject])] = line
    return found


def words(home: Path, sync: str) -> dict[str, list[dict[str, Any]]]:
    """Return what people said of each write, by its key, oldest first: the last word holds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in read(home):
        if line.get("subject") == "settled" and line.get("sync") == sync:
            found.setdefault(str(line.get("write_key")), []).append(line)
    return found


def append_changed(
    home: Path,
    known: Mapping[str, Mapping[tuple[Any, ...], dict[str, Any]]],
    wanted: Mapping[Subject, Sequence[dict[str, Any]]],
) -> None:
    """Add the standings that differ from `known`, how they stood when they were last kept.

    The `key` comes last: a file that has it is taken for complete, also after a power cut.
    """
    for subject in sorted(wanted, key=lambda name: name == "key"):
        before, rows = known[subject], wanted[subject]
        fresh = [row for row in rows if before.get(tuple(row[n] for n in KEYS[subject])) != row]
        append(home, subject, fresh)


def fingerprint(key: bytes) -> str:
    """Tell one consent key from another without giving it away: hashes by another mean nothing."""
    return hashlib.sha256(b"syncline keep file" + key).hexdigest()[:16]


def keep_path(home: Path) -> Path:
    return home / "keep.jsonl"
