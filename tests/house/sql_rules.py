"""style.md's rules for SQL, each a function from a path and its text to findings.

transforms/staging/<vendor>__<object>.sql    becomes staging.<vendor>__<object>
transforms/audit/<name>.sql                  becomes audit.<name>, of every sync
transforms/<sync>/<stage>/<name>.sql         becomes <stage>.<name>
transforms/<sync>/audits/<name>.sql          returns the guilty rows, becomes nothing
"""

import re
from pathlib import PurePosixPath

import duckdb
import sqlglot
from house.python_rules import banned_words
from sqlglot import exp
from sqlglot.errors import SqlglotError

LINES = 120
STAGES = ("staging", "resolve", "plan", "history", "audit")
AUDITS = "audits"
NAME = re.compile(r"[a-z][a-z0-9_]*")


def long_query(path: str, text: str) -> list[str]:
    """A query stops at 120 lines."""
    count = len(text.splitlines())
    return [f"{path}: {count} lines, stop at {LINES}"] if count > LINES else []


def misplaced(path: str, text: str) -> list[str]:
    """A query's path is its table: the folder is the stage, the file is the name."""
    del text
    parts = PurePosixPath(path).with_suffix("").parts
    staged = parts[:2] == ("transforms", "staging") and "__" in parts[-1]
    shared = len(parts) == 3 and (staged or parts[:2] == ("transforms", "audit"))
    own = len(parts) == 4 and parts[0] == "transforms" and parts[2] in (*STAGES, AUDITS)
    if (shared or own) and NAME.fullmatch(parts[-1]):
        return []
    return [f"{path}: names no table; see the top of {PurePosixPath(__file__).name}"]


def headless(path: str, text: str) -> list[str]:
    """A query opens with what one row is, its key, what it reads and, past staging, its rule."""
    first = text.partition("\n")[0]
    if is_audit(path):
        begins = first.startswith(("-- STOP: ", "-- WARN: "))
        return [] if begins else [f"{path}: an audit begins -- STOP: or -- WARN:"]
    found = [] if first.startswith("-- One row per ") else [f"{path}: begin with -- One row per"]
    wanted = ["key", "reads"] if is_staging(path) else ["key", "reads", "rule"]
    fields = header(text)
    return found + [f"{path}: the header has no {name!r}" for name in wanted if name not in fields]


def wrong_reads(path: str, text: str) -> list[str]:
    """The header's `reads` are the tables the query reads, no more and no fewer."""
    said = header(text).get("reads")
    if said is None or unreadable(path, text):
        return []
    listed = set(re.findall(r"\b[a-z_]+\.[a-z0-9_]+\b", said))
    read = {f"{table.db}.{table.name}" for table in tree(text).find_all(exp.Table) if table.db}
    return [
        f"{path}: reads {name}, its header does not say so" for name in sorted(read - listed)
    ] + [
        f"{path}: its header says {name}, the query does not read it"
        for name in sorted(listed - read)
    ]


def unreadable(path: str, text: str) -> list[str]:
    """A file is one query that DuckDB and sqlglot can parse: no CREATE, no second statement."""
    try:
        duckdb.connect().extract_statements(text)
        statements = [one for one in sqlglot.parse(text, dialect="duckdb") if one is not None]
    except (duckdb.Error, SqlglotError) as error:
        return [f"{path}: {str(error).splitlines()[0]}"]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return [f"{path}: holds {len(statements)} statements, or no SELECT"]
    return []


def templated(path: str, text: str) -> list[str]:
    """A query runs when pasted: settings are tables, never templates or parameters."""
    found = [f"{path}: has the template mark {mark}" for mark in ("{{", "{%") if mark in text]
    if not unreadable(path, text):
        holes = tree(text).find_all(exp.Placeholder, exp.Parameter)
        found += [f"{path}: has the parameter {hole.sql()}" for hole in holes]
    return found


def joined_using(path: str, text: str) -> list[str]:
    """Tables join ON, so that a reader sees both columns."""
    if unreadable(path, text):
        return []
    return [
        f"{path}: joins USING; write ON"
        for join in tree(text).find_all(exp.Join)
        if join.args.get("using")
    ]


def unlisted_columns(path: str, text: str) -> list[str]:
    """The last SELECT lists its columns: they are what others rely on."""
    if is_audit(path) or unreadable(path, text):
        return []
    starred = any(isinstance(column, exp.Star) or column.is_star for column in tree(text).selects)
    return [f"{path}: the last SELECT has a star"] if starred else []


def banned_table(path: str, text: str) -> list[str]:
    """No table is named for what it is made of."""
    del text
    return [f"{path}: the name says {word!r}" for word in banned_words(path)]


def header(text: str) -> dict[str, str]:
    r"""The named parts of a query's opening comment; a part may go on over several lines.

    >>> lines = ["-- One row per x.", "--", "-- reads   raw.a,", "--         raw.b", "SELECT 1"]
    >>> header("\n".join(lines))
    {'reads': 'raw.a, raw.b'}
    """
    parts: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if named := re.fullmatch(r"-- (\w+)  +(\S.*)", line):
            current = named[1]
            parts[current] = named[2].strip()
        elif current and (more := line.removeprefix("--").strip()):
            parts[current] += " " + more
        else:
            current = ""
    return parts


def tree(text: str) -> exp.Query:
    """The one query of a file that `unreadable` let pass."""
    query = sqlglot.parse_one(text, dialect="duckdb")
    if not isinstance(query, exp.Query):
        raise TypeError("not a query")
    return query


def is_audit(path: str) -> bool:
    """Whether the file returns guilty rows instead of becoming a table."""
    return PurePosixPath(path).parent.name == AUDITS


def is_staging(path: str) -> bool:
    """Whether the file only types what a vendor said, and so may have no rule of ours."""
    return PurePosixPath(path).parent.name == "staging"
