"""Find words in everything below some folders, in whatever clothes they stand there.

    hunt(words, folders)   where each word was found: file, or table and column of a database

Looked into: bytes as they are, gzip and zlib, SQLite and DuckDB value by value, and in each of
them the plain word, its base64, its JSON and URL escapes, and UTF-16.
"""

import base64
import gzip
import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import duckdb

SQLITE, GZIP, DUCKDB_AT, DUCKDB = b"SQLite format 3\0", b"\x1f\x8b", 8, b"DUCK"
# Files of a database that is looked into value by value, and logs it writes ahead.
BESIDE = ("-wal", "-shm", "-journal", ".wal")


class Leak(NamedTuple):
    """Which word stands where. `place`: a file's name, or `file: table.column`."""

    word: str
    place: str


def clothes(word: str) -> list[bytes]:
    """The ways in which a word may be written."""
    plain = word.encode()
    found = {
        plain,
        word.encode("utf-16-le"),
        quote(word, safe="").encode(),
        quote_plus(word).encode(),
        json.dumps(word)[1:-1].encode(),
        plain.replace(b"@", b"\\u0040"),
        plain.hex().encode(),
    }
    for before in range(3):
        # Inside a longer text only the middle of a base64 is always the same.
        coded = base64.b64encode(b"\0" * before + plain)
        found.add(coded[4 if before else 0 : -4])
    return sorted(one for one in found if len(one) > 5)


class Hunter:
    """Words, and every way to write them, in small letters."""

    def __init__(self, words: Sequence[str]) -> None:
        self._forms = [(word, [one.lower() for one in clothes(word)]) for word in words]

    def inside(self, content: bytes) -> set[str]:
        found = set()
        for text in unpacked(content):
            small = text.lower()
            found |= {word for word, forms in self._forms if any(one in small for one in forms)}
        return found


def unpacked(content: bytes) -> Iterator[bytes]:
    """The bytes, and what they are packed from."""
    yield content
    if content.startswith(GZIP):
        with suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(content)
    elif content[:1] == b"\x78":
        with suppress(zlib.error):
            yield zlib.decompress(content)


def hunt(words: Sequence[str], folders: Mapping[str, Path]) -> set[Leak]:
    """Look through every file below the folders; `folders` gives each the name it is told by."""
    hunter = Hunter(words)
    return {
        Leak(word, place)
        for name, folder in folders.items()
        for file in sorted(folder.rglob("*")) if file.is_file()
        for place, content in contents(file, f"{name}/{file.relative_to(folder)}")
        for word in hunter.inside(content)
    }  # fmt: skip


def contents(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """What is in a file: value by value in a database, whole otherwise."""
    content = file.read_bytes()
    if content.startswith(SQLITE):
        yield from _of_sqlite(file, name)
    elif content[DUCKDB_AT : DUCKDB_AT + len(DUCKDB)] == DUCKDB:
        yield from _of_duckdb(file, name)
    elif not file.name.endswith(BESIDE):
        yield name, content


def raw(folders: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    """Every file as it is on the disk, databases and what they write ahead included."""
    for name, folder in folders.items():
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                yield f"{name}/{file.relative_to(folder)}", file.read_bytes()


def _of_sqlite(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(file)) as db:
        tables = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
        for table, made_by in tables:
            yield f"{name}: {table}", str(made_by).encode()
            asked = db.execute(f'SELECT * FROM "{table}"')
            yield from _values(name, table, [one[0] for one in asked.description], asked)


def _of_duckdb(file: Path, name: str) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(str(file), read_only=True) as db:
        tables = db.execute(
            "SELECT schema_name, table_name, coalesce(comment, ''), sql FROM duckdb_tables()"
        ).fetchall()
        for schema, table, comment, made_by in tables:
            yield f"{name}: {schema}", f"{table} {comment} {made_by}".encode()
            asked = db.execute(f'SELECT * FROM "{schema}"."{table}"')
            columns = [one[0] for one in asked.description]
            yield from _values(name, f"{schema}.{table}", columns, asked.fetchall())


def _values(
    name: str, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> Iterator[tuple[str, bytes]]:
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if isinstance(value, bytes):
                yield f"{name}: {table}.{column}", value
            elif value is not None and not isinstance(value, int | float):
                yield f"{name}: {table}.{column}", str(value).encode(errors="replace")
