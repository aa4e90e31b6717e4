"""Persons by dlt's REST API source, declared as its pages show. Runs in dlt's environment.

    reading_declared.py plain URL FOLDER    as it comes
    reading_declared.py best URL FOLDER     nested values kept as JSON instead of in tables of their
                                            own, Parquet instead of INSERT statements, and the
                                            settings of the environment that the bench gives it

Columns are not declared: dlt finds their types itself, and with all of them declared it took as
long and as much of a processor (30,000 persons: 2.7 to 2.9 s of a processor either way).
"""

import sys
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import rest_api_source

from bench.reading.clocked import tell

IS_BEST = sys.argv.pop(1) == "best"


def read(url: str, folder: str) -> int:
    base, _, path = url.rpartition("/")
    persons: dict[str, Any] = {
        "name": "persons", "primary_key": "id", "write_disposition": "replace",
        "endpoint": {"path": path, "params": {"limit": 500}, "data_selector": "data"},
    }  # fmt: skip
    if IS_BEST:
        persons["max_table_nesting"] = 0
    paginator = {
        "type": "cursor", "cursor_path": "additional_data.next_cursor", "cursor_param": "cursor",
    }  # fmt: skip
    client: Any = {
        "base_url": base, "headers": {"x-api-token": "any"}, "paginator": paginator,
    }  # fmt: skip
    source = rest_api_source({"client": client, "resources": [persons]})
    database = Path(folder) / "read.duckdb"
    pipeline = dlt.pipeline(
        "reading", destination=dlt.destinations.duckdb(str(database)), dataset_name="crm",
        pipelines_dir=str(Path(folder) / "pipelines"),
    )  # fmt: skip
    pipeline.run(source, loader_file_format="parquet" if IS_BEST else None)
    with pipeline.sql_client() as client:
        ((count,),) = client.execute_sql("SELECT count(*) FROM persons")
    return int(count)


if __name__ == "__main__":
    tell(read)
