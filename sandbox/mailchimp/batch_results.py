"""What a finished batch leaves behind: a gzipped tar of JSON files.

The archive begins with an entry for the folder, as the vendor's does: a reader that takes every
entry for a file stumbles over it. A file is an array of `{status_code, operation_id, response}`,
`response` being JSON inside a text; some files are empty.
"""

import gzip
import io
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

RESULTS_IN_A_FILE = 100


def pack(batch_id: str, results: Sequence[dict[str, Any]], *, with_empty_file: bool) -> bytes:
    """The archive; the same bytes for the same results."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        folder = tarfile.TarInfo("./")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        for number, content in enumerate(_files(results, with_empty_file=with_empty_file)):
            entry = tarfile.TarInfo(f"./{batch_id}{number:04}.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(written.getvalue(), mtime=0)


def _files(results: Sequence[dict[str, Any]], *, with_empty_file: bool) -> Iterator[bytes]:
    if with_empty_file:
        yield b""
    for start in range(0, len(results), RESULTS_IN_A_FILE):
        yield orjson.dumps(results[start : start + RESULTS_IN_A_FILE])
