"""The project's files as the house tests see them: what a commit would contain."""

import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
OUT_OF_SIGHT = {".git", ".venv", ".syncline", ".demo", "build", "node_modules", "__pycache__"}


def paths() -> list[str]:
    """Every file that is tracked, or would be by `git add`, relative to the root.

    Where git has nothing to say (an unpacked archive, somebody else's checkout),
    all files outside the folders that are never committed.
    """
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = listed.stdout.split("\0") if listed.returncode == 0 else walk()
    return sorted({path for path in found if path and (ROOT / path).is_file()})


def walk() -> Iterator[str]:
    """Every file below the root, without asking git."""
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        hidden = OUT_OF_SIGHT.intersection(inside.parts) or inside.suffix == ".pyc"
        if path.is_file() and not hidden and not inside.parts[0].endswith("_cache"):
            yield inside.as_posix()


def ending(suffix: str, *, outside: tuple[str, ...] = ()) -> list[str]:
    """The paths with that suffix, without those under a folder of `outside`."""
    return [
        path
        for path in paths()
        if path.endswith(suffix) and PurePosixPath(path).parts[0] not in outside
    ]


def text_of(path: str) -> str:
    """What a file says; bytes that are no UTF-8 show as question marks."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
