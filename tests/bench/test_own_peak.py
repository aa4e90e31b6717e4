"""A process's own high-water mark: neither its parent's, nor lost with the process."""

import os
import subprocess
import sys
from pathlib import Path

from bench.own_peak import own_peak

MIB = 2**20
ROOT = Path(__file__).resolve().parents[2]
# A module with words, an end of its own and 60 MiB that it gives back before.
PROGRAM = """
import sys
room = b"x" * (60 * 2**20)
del room
sys.exit(len(sys.argv))
"""
LARGE = "held = b'x' * (300 * 2**20)"


def begun(folder: Path, program: str, *words: str) -> tuple[int, int]:
    """Exit code, and the peak that the process left in its file."""
    (folder / "program.py").write_text(program)
    command = [sys.executable, "-m", "bench.own_peak", str(folder / "peak"), "program", *words]
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    done = subprocess.run(command, env={**os.environ, **paths}, check=False)
    return done.returncode, int((folder / "peak").read_text())


def test_a_program_that_ends_leaves_its_peak_and_keeps_its_words_and_exit_code(
    tmp_path: Path,
) -> None:
    code, peak = begun(tmp_path, PROGRAM, "one", "two")
    assert code == 3
    assert 60 * MIB < peak < 120 * MIB


def test_what_a_large_parent_held_is_not_the_childs(tmp_path: Path) -> None:
    held = b"x" * (300 * MIB)
    _, peak = begun(tmp_path, "pass")
    assert len(held) > peak
    assert peak < 100 * MIB


def test_the_largest_process_it_started_counts_too(tmp_path: Path) -> None:
    program = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {LARGE!r}])"
    assert begun(tmp_path, program)[1] > 300 * MIB


def test_without_proc_the_operating_system_is_asked(tmp_path: Path) -> None:
    assert own_peak(tmp_path / "status") > 10 * MIB
    (tmp_path / "status").write_text("Name:\tpython\n")
    assert own_peak(tmp_path / "status") > 10 * MIB
