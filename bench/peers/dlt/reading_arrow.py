"""Persons by a resource of dlt's that yields Arrow tables made by hand. Runs in its environment.

The columns and types are those of our staging.pipedrive__persons, and the record as it came.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import httpx
import orjson
import pyarrow as pa

from bench.reading.clocked import tell

PAGES_AT_ONCE = 20
NUMBERS = ("id", "owner_id", "org_id", "last_activity_id")
TEXTS = ("name", "first_name", "last_name")
TIMES = ("update_time", "last_incoming_mail_time", "last_outgoing_mail_time")
LISTS = ("emails", "phones")


def pages(url: str) -> Iterator[list[dict[str, Any]]]:
    asked: dict[str, Any] = {"limit": 500}
    with httpx.Client(headers={"x-api-token": "any"}, trust_env=False) as http:
        while True:
            told = orjson.loads(http.get(url, params=asked).content)
            yield told["data"]
            cursor = told["additional_data"]["next_cursor"]
            if not cursor:
                return
            asked["cursor"] = cursor


def table(rows: list[dict[str, Any]]) -> pa.Table:
    columns = {name: pa.array([r.get(name) for r in rows], pa.int64()) for name in NUMBERS}
    columns |= {name: pa.array([r.get(name) for r in rows], pa.string()) for name in TEXTS}
    for name in TIMES:
        texts = pa.array([r.get(name) for r in rows], pa.string())
        columns[name] = texts.cast(pa.timestamp("us", tz="UTC"))
    for name in LISTS:
        columns[name] = pa.array([orjson.dumps(r.get(name)).decode() for r in rows], pa.string())
    columns["body"] = pa.array([orjson.dumps(r).decode() for r in rows], pa.string())
    return pa.table(columns)


def read(url: str, folder: str) -> int:
    @dlt.resource(name="persons", primary_key="id", write_disposition="replace")
    def persons() -> Iterator[pa.Table]:
        waiting: list[dict[str, Any]] = []
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
    tell(read)
