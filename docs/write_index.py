"""Write docs/README.md: every page of docs/ by folder, by the heading it opens with.

`make docs` runs it; a house test compares the page with what this would write.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = {
    "": "Pages",
    "decisions": "Decisions: what was settled before it was built",
    "runbooks": "Runbooks: by the symptom you see",
}


def index(docs: Path) -> str:
    """The text of the index page for the pages below `docs`."""
    lines = ["# Documentation", "", "Written by `make docs` from the pages' own headings."]
    pages = sorted((folder_of(page, docs), page) for page in pages_of(docs))
    for folder, group in groupby(pages, key=lambda pair: pair[0]):
        lines += ["", f"## {FOLDERS.get(folder, folder)}", ""]
        lines += [f"- [{heading(page)}]({page.relative_to(docs).as_posix()})" for _, page in group]
    return "\n".join(lines) + "\n"


def pages_of(docs: Path) -> Iterator[Path]:
    """Every page but the index itself."""
    for page in docs.rglob("*.md"):
        if page != docs / "README.md":
            yield page


def folder_of(page: Path, docs: Path) -> str:
    """The folder a page stands in, relative to docs; empty for docs itself."""
    folder = page.parent.relative_to(docs).as_posix()
    return "" if folder == "." else folder


def heading(page: Path) -> str:
    """The first heading of a page, or its file name when it has none."""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            return line.removeprefix("# ").strip()
    return page.stem


if __name__ == "__main__":
    (HERE / "README.md").write_text(index(HERE), encoding="utf-8")
