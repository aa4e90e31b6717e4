"""The vendors' own clients against the sandbox: what nobody here wrote finds a vendor there.

A folder a vendor: package.json and lock (names, versions, hashes), steps.js, which prints one
JSON line a step, and expected.jsonl, what the lines must say. `make test` installs the locked
packages into build/clients; the next vendor's client is one more folder. A vendor's client for
Python walks the same steps (steps.py), from an environment of its own that `make test` makes of
requirements/<vendor>.txt.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import server

HERE = Path(__file__).parent
INSTALLED = HERE.parents[1] / "build" / "clients"
VENDORS = sorted(path.parent.name for path in HERE.glob("*/package.json"))
PYTHONS = sorted(path.parent.name for path in HERE.glob("*/steps.py"))
NODE = shutil.which("node")
PATIENCE_S = 120


@pytest.fixture
def sandbox_url() -> Iterator[str]:
    with server.start(seed=7, people=120) as running:
        yield running.url


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_vendors_own_client_finds_its_vendor(vendor: str, sandbox_url: str) -> None:
    """It reads, pages, writes, fails, refreshes its token and runs into limits."""
    packages = INSTALLED / vendor / "node_modules"
    if NODE is None or not packages.is_dir():
        pytest.skip("no node here" if NODE is None else "not installed: make test does")
    ran = subprocess.run(
        [NODE, str(HERE / vendor / "steps.js")],
        env=os.environ | {"SANDBOX": sandbox_url, "NODE_PATH": str(packages)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert lines(ran.stdout) == lines((HERE / vendor / "expected.jsonl").read_text()), ran.stderr


@pytest.mark.parametrize("vendor", PYTHONS)
def test_the_vendors_own_client_for_python_takes_the_same_steps(
    vendor: str, sandbox_url: str
) -> None:
    """Both clients of one vendor find the same vendor."""
    python = INSTALLED.parent / vendor / "bin" / "python"
    if not python.exists():
        pytest.skip("not installed: make test does")
    ran = subprocess.run(
        [str(python), str(HERE / vendor / "steps.py")],
        env=os.environ | {"SANDBOX": sandbox_url, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert lines(ran.stdout) == lines((HERE / vendor / "expected.jsonl").read_text()), ran.stderr


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_clients_lock_has_versions_and_hashes_and_no_addresses(vendor: str) -> None:
    lock = json.loads((HERE / vendor / "package-lock.json").read_text())
    packages = {name: told for name, told in lock["packages"].items() if name}
    assert packages
    assert not [name for name, told in packages.items() if "integrity" not in told]
    assert not [name for name, told in packages.items() if "resolved" in told]
