"""Each peer in an environment of its own, with versions and hashes from its requirements file.

Where packages come from is pip's business: nothing here names a place. What pip says is kept
from the screen unless it fails.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / "build" / "peers"


class NotInstallableError(Exception):
    """A peer's packages could not be had; its lines are left out, with this reason."""


def environment(name: str) -> Path:
    """The Python of the peer's environment, made when it is missing or its file has changed."""
    folder, wanted = ENVIRONMENTS / name, HERE / name / "requirements.txt"
    python, stamp = folder / "bin" / "python", folder / "installed"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return python
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(wanted)])
    stamp.write_text(digest)
    return python


def version(python: Path, package: str) -> str:
    """The version that is installed, as the environment itself says."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _run([str(python), "-c", code]).strip()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise NotInstallableError(f"{command[0]} ended with {done.returncode}: {said[0]}")
    return done.stdout
