"""The keep file: what no vendor can give back, one JSON line each, only ever appended.

Consent, activations, settled doubts and tombstones, with addresses as keyed
hashes. When the state database is lost, `adopt` reads this before it writes.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

Subject = Literal["consent", "lifted", "activation", "settled", "tombstone"]


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


def keep_path(home: Path) -> Path:
    return home / "keep.jsonl"
