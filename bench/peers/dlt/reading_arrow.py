"""Persons by a resource of dlt's that yields Arrow tables made by hand. Runs in its environment.

    reading_arrow.py columns URL FOLDER    each column from the values of Python that it has
    reading_arrow.py json URL FOLDER       all columns at once, by Arrow's own reader of JSON

The columns and types are those of our staging.pipedrive__persons, and the record as it came.
"""

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import httpx
import orjson
import pyarrow as pa
import pyarrow.json

from bench.reading.clocked import tell

PAGES_AT_ONCE = 20
NUMBERS = ("id", "owner_id", "org_id", "last_activity_id")
TEXTS = ("name", "first_name", "last_name")
TIMES = ("update_time", "last_incoming_mail_time", "last_outgoing_mail_time")
LISTS = ("emails", "phones")
TIME = pa.timestamp("us", tz="UTC")
READ = pa.schema(
    [(name, pa.int64()) for name in NUMBERS] + [(name, pa.string()) for name in TEXTS]
    + [(name, TIME) for name in TIMES]
)  # fmt: skip
Rows = list[dict[str, Any]]


def pages(url: str) -> Iterator[Rows]:
    asked: dict[str, Any] = {"limit": 500}
    with httpx.Client(headers={"x-api-token": "any"}, trust_env=False) as http:
        while True:
            told = orjson.loads(http.get(url, params=asked).content)
            yield told["data"]
            cursor = told["additional_data"]["next_cursor"]
            if not cursor:
                return
            asked["cursor"] = cursor


def by_columns(rows: Rows) -> pa.Table:
    columns = {name: pa.array([r.get(name) for r in rows], pa.int64()) for name in NUMBERS}
    columns |= {name: pa.array([r.get(name) for r in rows], pa.string()) for name in TEXTS}
    for name in TIMES:
        texts = pa.array([r.get(name) for r in rows], pa.string())
        columns[name] = texts.cast(TIME)
    return with_texts(columns, rows, [orjson.dumps(r) for r in rows])


def by_json(rows: Rows) -> pa.Table:
    """Each record is written as JSON to be kept; what is written is read as a table."""
    bodies = [orjson.dumps(r) for r in rows]
    found = pyarrow.json.read_json(
        io.BytesIO(b"\n".join(bodies)),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=READ, unexpected_field_behavior="ignore"
        ),
    ).select(READ.names)
    return with_texts(dict(zip(READ.names, found.columns, strict=True)), rows, bodies)


def with_texts(columns: Mapping[str, Any], rows: Rows, bodies: list[bytes]) -> pa.Table:
    """The table with what stays JSON beside the columns."""
    texts = {name: pa.array([orjson.dumps(r.get(name)) for r in rows]) for name in LISTS}
    texts["body"] = pa.array(bodies)
    return pa.table({**columns, **{name: one.cast(pa.string()) for name, one in texts.items()}})


WAYS: dict[str, Callable[[Rows], pa.Table]] = {"columns": by_columns, "json": by_json}


def read(table: Callable[[Rows], pa.Table], url: str, folder: str) -> int:
    @dlt.resource(name="persons", primary_key="id", write_disposition="replace")
    def persons() -> Iterator[pa.Table]:
        waiting: Rows = []
        for number, page in enumerate(pages(url), 1):
            waiting += page
            if number % PAGES_AT_ONCE == 0:
                yield table(waiting)
                waiting = []
        if waiting:
            yield table(waiting)

    database = Path(folder) / "read.duckdb"
    pipeline = dlt.pipeline(
        "reading", destination=dlt.destinations.duckdb(str(database)), dataset_name="crm",
        pipelines_dir=str(Path(folder) / "pipelines"),
    )  # fmt: skip
    pipeline.run(persons())
    with pipeline.sql_client() as client:
        ((count,),) = client.execute_sql("SELECT count(*) FROM persons")
    return int(count)


if __name__ == "__main__":
    tell(partial(read, WAYS[sys.argv.pop(1)]))
