"""The job of members as a dlt pipeline with a custom destination. Runs in dlt's environment.

Each call is one request of the vendor's own batch method; whatever is not a plain success raises.
How many items a call gets is JOB_BATCH.
"""

import os
from pathlib import Path
from typing import Any

import dlt
from job import BATCH, HOME, HTTP, events

URL = f"{os.environ['JOB_URL']}/mailigen/1.8/"
ASKED = {"output": "json", "method": "listBatchSubscribe"}


@dlt.destination(batch_size=BATCH, name="members")
def members(items: list[dict[str, Any]], table: object) -> None:
    """Subscribe them all. dlt repeats a call that raises, and goes on after one that returns."""
    del table
    form = {"apikey": os.environ["JOB_KEY"], "id": Path(HOME / "list").read_text()}
    form |= {"double_optin": "", "update_existing": ""}
    for place, item in enumerate(items):
        form[f"batch[{place}][EMAIL]"] = f"{item['text']}@bench.example"
    answer = HTTP.post(URL, params=ASKED, data=form, timeout=30)
    answer.raise_for_status()
    if answer.json().get("error_count") != 0:
        raise RuntimeError(f"the vendor refused: {answer.text[:200]}")


if __name__ == "__main__":
    pipeline = dlt.pipeline("bench", destination=members, pipelines_dir=str(HOME / "pipelines"))
    pipeline.run(events())
