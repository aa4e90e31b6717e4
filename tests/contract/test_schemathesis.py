"""schemathesis at the sandbox: requests by the contract files, drawn by nobody here."""

import subprocess
from pathlib import Path

import httpx
import pytest

from sandbox import server
from tests.contract.openapi import SPECS
from tests.contract.pipedrive import implemented

TOOL = Path(__file__).parents[2] / "build" / "schemathesis" / "bin" / "schemathesis"
TOKEN = {"x-api-token": "sandbox-pipedrive-admin"}
PLACES = {"pipedrive-v1": "/pipedrive/v1", "pipedrive-v2": "/pipedrive/api/v2"}
EXAMPLES = 3  # of each operation: some 500 requests a file
PATIENCE_S = 240


def answered(version: str) -> list[str]:
    """The operations that the sandbox has, in the tool's words; the others are no vendor's 404."""
    paths = {one.split()[2] for one in implemented() if one.startswith(version)}
    return [word for path in sorted(paths) for word in ("--include-path", path)]


@pytest.mark.parametrize("name", PLACES)
def test_no_request_by_the_contract_crashes_the_sandbox(name: str, tmp_path: Path) -> None:
    """Neither a 5xx nor a dropped connection; afterwards it answers as before."""
    contract = SPECS / f"{name}.yaml"
    if not contract.exists():
        pytest.skip(f"{contract.name} is not here")
    if not TOOL.exists():
        pytest.skip("schemathesis is not installed: make test does")
    with server.start(seed=7, people=50) as running:
        ran = subprocess.run(
            [
                str(TOOL), "run", str(contract), "--url", running.url + PLACES[name],
                "--header", f"x-api-token: {TOKEN['x-api-token']}",
                "--checks", "not_a_server_error", "--phases", "fuzzing",
                "--max-examples", str(EXAMPLES), "--seed", "1", *answered(name[-2:]),
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "generated" in ran.stdout
        assert "0 generated" not in ran.stdout.split()
        me = httpx.get(f"{running.url}/pipedrive/v1/users/me", headers=TOKEN, trust_env=False)
        assert me.json()["success"] is True
