"""Write docs/tables.md: every table an analyst meets, from the headers of the SQL and the code.

`make docs` runs it; a house test compares the page with what this would write. Read, never
imported: what is not SQL (raw, history, settings and state as tables) is taken from the
assignments that make it, so the page cannot know more than the code.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STAGES = {
    "staging": "typed, one row per record, in the vendors' words",
    "resolve": "one row per real thing, after matching and de-duplication",
    "plan": "one row per intended write",
    "history": "what happened, kept for good",
    "audit": "the last audit: the ledger beside the vendors' books",
}
SETTINGS = {
    "addresses": "stretch of sweeps in which an address was a contact's",
    "bots": "bot of the definition: what it selects, whether it runs, since when it counts",
    "consent": "address in use that opted out, bounced, was removed or forgotten",
    "contacts": "contact of the identity map: its address and the person that speaks for it",
    "facts": "arrival or passage, and whether it is dealt with",
    "flow_filters": "flow and filter of Pipedrive it matches by",
    "flow_segments": "flow and segment or tag it matches by",
    "flows": "flow of the definition: its trigger, way and audience, whether it runs",
    "held": "contact, audience and what answers said both sides hold of each field",
    "mapping": "flow and pair of fields it maps",
    "member_links": "contact and its member of an audience",
    "ours": "address that a flow of ours created in an audience, or is about to",
    "person_links": "contact and its Pipedrive person",
    "synced": "flow and contact it has ever written",
    "tagged": "flow, contact and tag it has put on",
    "created": "address of a person that another sync of the account created",
    "deeds": "activity, deal, note, person or set-up write in the ledger, withdrawn ones left out",
    "fields": "merge tag and the Pipedrive field behind it",
    "joined": "address that joined, its keyed hash, and what bars it",
    "lineage": "contact and ancestor whose deeds count as its own",
    "links": "Pipedrive person and the contact it is linked to",
    "members": "contact and what Mailigen last acknowledged of it",
    "new_subscribers": "import of new subscribers: the owner of the persons (none: it is off)",
    "notes": "running bot and kind of event it notes",
    "pauses": "pause of a bot by a user, in sweeps",
    "places": "address of a place that any sync has or had on the lists of the account",
    "removed": "address that somebody took off the list by hand",
    "rules": "automation of a running bot, names bound to ids",
    "sealed": "contact whose place on the list is sealed in the ledger and not sent yet",
    "settings": "place on the list in the ledger, with its state",
    "sweep": "sweep (this one): its number, names of the accounts, when it read",
}
HISTORY = {
    "agreed": "pair of fields whose sides were seen to be equal, or as they first met",
    "members_seen": "contact of an audience, and the first sweep that saw it",
    "events": "increment of engagement, in the sweep that first saw it",
    "selections": "stretch of sweeps in which a bot selected a contact and no bot overrode it",
    "overrides": "stretch of sweeps in which filter bots overrode a bot for all contacts",
    "imports": "stretch of sweeps in which new subscribers were imported, by list",
    "arrivals": "stretch of sweeps in which an address was subscribed, while imports were on",
    "runs": "run: how it ended, and its counts",
    "skipped": "run and person or contact that was not written, with the reason",
    "checks": "run and check between its stages, with what broke it",
    "writes": "run and write it sent or left open, as the ledger had it when the run ended",
    "findings": "kind of finding and write that the vendor's books and the ledger disagree on",
}


class Model(NamedTuple):
    """One SQL file: the table it becomes, its header, the columns of its last SELECT."""

    table: str
    head: str
    parts: dict[str, str]
    columns: list[str]


def page(root: Path) -> str:
    """The text of docs/tables.md. KeyError: a table is new, and nobody has said what it holds."""
    lines = [
        "# Tables: what there is to ask",
        "",
        "Written by `make docs` from the SQL of `transforms/` and the code that makes the rest.",
        "All are in `published/<sync>.duckdb` after a run, in schemas of these names: `raw`,",
        "`staging`, `resolve` and `plan` are the last run's, `history` is everything since the",
        "first. A *sweep* is a run's number; a *contact* is one subscriber through time.",
    ]
    folders = sorted(path.parent for path in (root / "transforms").glob("*/plan"))
    lines += [
        *_raw(root, folders),
        *_models(root / "transforms", ("staging", "audit")),
        *_settings(root),
    ]
    for folder in folders:
        kind = "Mailigen bots" if folder.name.startswith("mailigen") else "Mailchimp flows"
        lines += ["", f"# {kind} (`kind: {folder.name}`)"]
        lines += [*_models(folder, ("resolve", "plan", "history", "audit")), *_audits(folder)]
    lines += ["", "# Kept for good", *_history(root)]
    return "\n".join(lines) + "\n"


def _raw(root: Path, folders: Sequence[Path]) -> Iterator[str]:
    yield from ("", "## raw: as received", "")
    yield "Each also has `body` (JSON, the whole record), `fetched_at` and `run_id`."
    yield from ("", "| table | key | of |", "|---|---|---|")
    found: dict[str, tuple[str, set[str]]] = {}
    for folder in folders:
        pipeline = root / "pipelines" / folder.name
        tables = dict(_assigned(pipeline / "extract.py", "KEYS"))
        if (pipeline / "engagement.py").exists():
            engagement = _assigned(pipeline / "engagement.py", "KEYS")
            tables |= {f"mailigen__{name}": keys for name, keys in engagement.items()}
        for name, keys in tables.items():
            found.setdefault(name, (", ".join(keys), set()))[1].add(folder.name)
    for name, (keys, kinds) in sorted(found.items()):
        yield f"| raw.{name} | {keys} | {', '.join(sorted(kinds))} |"


def _models(place: Path, stages: Sequence[str]) -> Iterator[str]:
    for stage in stages:
        models = sorted(map(read_model, (place / stage).glob("*.sql")))
        if models:
            yield from ("", f"## {stage}: {STAGES[stage]}")
        for model in models:
            yield from _described(model)


def _described(model: Model) -> Iterator[str]:
    yield from ("", f"### {model.table}", "", model.head, "")
    for part in ("key", "made", "stored", "reads", "rule", "watch"):
        if part in model.parts:
            yield f"- **{part}**: {model.parts[part]}"
    yield f"- **columns**: {', '.join(model.columns)}"


def read_model(path: Path) -> Model:
    """What a SQL file says of itself, and which columns it selects."""
    text = path.read_text(encoding="utf-8")
    head, parts = read_header(text)
    query = sqlglot.parse_one(text, dialect="duckdb")
    assert isinstance(query, exp.Query)
    return Model(f"{path.parent.name}.{path.stem}", head, parts, query.named_selects)


def read_header(text: str) -> tuple[str, dict[str, str]]:
    """The first sentence of a query's opening comment, and its named parts.

    >>> read_header("-- One row per x\\n-- and y.\\n--\\n-- key     a,\\n--         b\\nSELECT 1")
    ('One row per x and y.', {'key': 'a, b'})
    """
    head: list[str] = []
    parts: dict[str, str] = {}
    current = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        said = line.removeprefix("--").strip()
        if named := re.fullmatch(r"-- (key|made|stored|reads|rule|watch)  +(\S.*)", line):
            current = named[1]
            parts[current] = named[2].strip()
        elif current and said:
            parts[current] += " " + said
        elif said:
            head.append(said)
    return " ".join(head), parts


def _settings(root: Path) -> Iterator[str]:
    queries = [path.read_text() for path in (root / "transforms").rglob("*.sql")]
    named = {name for text in queries for name in re.findall(r"staging\.syncline__(\w+)", text)}
    yield from ("", "## staging.syncline__*: settings and state, as the run read them", "")
    yield "Made by the pipelines, so that no query needs a parameter."
    yield from ("", "| table | one row per |", "|---|---|")
    for name in sorted(named | SETTINGS.keys()):
        yield f"| staging.syncline__{name} | {SETTINGS[name]} |"


def _history(root: Path) -> Iterator[str]:
    yield from ("", "## The tables of the history file", "")
    yield "From `state/history.py`."
    yield from ("", "| table | one row per | key | columns |", "|---|---|---|---|")
    for statement in _assigned(root / "state" / "history.py", "HISTORY_TABLES"):
        table = sqlglot.parse_one(statement, dialect="duckdb")
        assert table is not None
        name = table.this.this.name
        listed = ", ".join(column.name for column in table.find_all(exp.ColumnDef))
        yield f"| history.{name} | {HISTORY[name]} | {', '.join(_key(table))} | {listed} |"


def _key(table: exp.Expr) -> Iterator[str]:
    for several in table.find_all(exp.PrimaryKey):
        yield from (part.name for part in several.expressions)
    for column in table.find_all(exp.ColumnDef):
        if column.find(exp.PrimaryKeyColumnConstraint):
            yield column.name


def _audits(folder: Path) -> Iterator[str]:
    if not any((folder / "audits").glob("*.sql")):
        return
    yield from ("", "## Audits: run on the plan, before the first write", "")
    yield "`STOP` fails the run, `WARN` is told. Results are in history.checks."
    yield from ("", "| audit | says |", "|---|---|")
    for path in sorted((folder / "audits").glob("*.sql")):
        head, _ = read_header(path.read_text(encoding="utf-8"))
        yield f"| {path.stem} | {head} |"


def _assigned(path: Path, name: str) -> Any:
    """The literal that a module assigns to a name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise KeyError(f"{path.name} assigns no {name}")


if __name__ == "__main__":
    (HERE / "tables.md").write_text(page(ROOT), encoding="utf-8")
