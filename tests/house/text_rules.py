"""What must not stand in a committed file, and what must: addresses, the licence, the lock, pins.

Findings are sentences that begin with the place; nothing here reads a file.
"""

import re
from itertools import pairwise

# Paths of somebody's machine. Not preceded by what would make it the middle of a longer path.
MACHINE_PATH = re.compile(
    r"""(?<![\w.}>)*~$-])/(?:work/\w|root/\w|home/\w+/|Users/\w+/|opt/\w+/)"""
)
REGISTRY = re.compile(
    r"""https?://\S*/simple\b|(?:index-url|find-links)[ =]+\S*/"""
    r"""|\bfiles\.pythonhosted\.|\bregistry\.(?:npmjs|yarnpkg)\.|\bproxy\.golang\."""
)
COPYRIGHT = "The Syncline authors"


def foreign_address(path: str, text: str) -> list[str]:
    """No committed file names a machine's folders or the place packages come from."""
    return [
        f"{path}:{number}: says {match[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for pattern in (MACHINE_PATH, REGISTRY)
        if (match := pattern.search(line))
    ]


def wrong_licence(text: str) -> list[str]:
    """The licence is the whole text of Apache 2.0, and names the authors."""
    wanted = (
        "Apache License",
        "Version 2.0, January 2004",
        "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION",
        "9. Accepting Warranty or Additional Liability.",
        "END OF TERMS AND CONDITIONS",
        COPYRIGHT,
    )
    return [f"LICENSE does not say {part!r}" for part in wanted if part not in text]


def loose_lock(path: str, text: str) -> list[str]:
    """Every locked package has one version and at least one hash; nothing says where from."""
    found = [f"{path}: says where packages come from"] if "://" in text else []
    blocks = re.split(r"\n(?=\S)", text.strip())
    for block in blocks:
        name = block.split()[0] if block.split() else "(empty)"
        if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", block):
            found.append(f"{path}: {name} is not pinned to one version")
        elif "--hash=sha256:" not in block:
            found.append(f"{path}: {name} has no hash")
    return found


def silent_pin(pyproject: str) -> list[str]:
    """A dependency that may not be newer says why, in a comment on the line above it."""
    return [
        f"pyproject.toml: {pin[1]} is held back and no comment above it says why"
        for before, line in pairwise(pyproject.splitlines())
        if (pin := re.match(r"""\s*"([\w.\[\]-]+)[^"]*(?:<|==|~=)[^"]*",?\s*$""", line))
        and not before.strip().startswith("#")
    ]


def missing_from_lock(names: list[str], lock: str) -> list[str]:
    """Every dependency of pyproject.toml is in the lock."""
    locked = {plain(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    wanted = [re.split(r"[\[<>=~! ;]", name)[0] for name in names]
    return [
        f"{name} is not in the lock; run make lock" for name in wanted if plain(name) not in locked
    ]


def plain(name: str) -> str:
    """A package's name as indexes compare it.

    >>> plain("Ruamel.YAML_clib")
    'ruamel-yaml-clib'
    """
    return re.sub(r"[-_.]+", "-", name).lower()
