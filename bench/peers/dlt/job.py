"""The job as a dlt pipeline with a custom destination. Runs in dlt's environment, not in ours.

After "Custom destination" of dlt's pages: an exception for whatever is not a plain success, and
nothing remembered by ourselves. How many items a call gets is JOB_BATCH.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dlt
import requests

HOME = Path(os.environ["JOB_HOME"])
NOTES = os.environ["JOB_URL"] + "/pipedrive/v1/notes"
HEADERS = {"x-api-token": os.environ["JOB_TOKEN"]}
BATCH = int(os.environ["JOB_BATCH"])
HTTP = requests.Session()  # its connections are kept; it repeats nothing
# One for each of dlt's twenty workers: of requests' own ten the rest would be made anew each time.
HTTP.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=20))
TAKEN = dlt.sources.incremental("id")  # dlt finds the cursor in the default of a parameter


@dlt.resource(name="events")
def events(last: Any = TAKEN) -> Iterator[dict[str, Any]]:
    """The rows above the highest id that an earlier run took."""
    with closing(sqlite3.connect(HOME / "rows.sqlite")) as db:
        query = "SELECT id, person_id, text FROM events WHERE id > ? ORDER BY id"
        for row in db.execute(query, [last.last_value or 0]):
            yield dict(zip(("id", "person_id", "text"), row, strict=True))


@dlt.destination(batch_size=BATCH, name="notes")
def notes(items: list[dict[str, Any]], table: object) -> None:
    """Send a note each. dlt repeats a call that raises, and goes on after one that returns."""
    del table
    for item in items:
        body = {"content": f"<p>{item['text']}</p>", "person_id": item["person_id"]}
        HTTP.post(NOTES, json=body, headers=HEADERS, timeout=30).raise_for_status()


if __name__ == "__main__":
    pipeline = dlt.pipeline("bench", destination=notes, pipelines_dir=str(HOME / "pipelines"))
    pipeline.run(events())
