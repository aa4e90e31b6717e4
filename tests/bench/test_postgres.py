"""Where a bench finds a PostgreSQL, and what it says where there is none."""

from pathlib import Path

import pytest

from bench import workers
from bench.postgres import NoPostgresError, programs


def installed(folder: Path, *names: str) -> str:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_programs_on_the_path_come_first(tmp_path: Path) -> None:
    path = installed(tmp_path / "path", "initdb", "pg_ctl")
    installed(tmp_path / "postgresql" / "17" / "bin", "initdb", "pg_ctl")
    assert programs(path, tmp_path / "postgresql") == (f"{path}/initdb", f"{path}/pg_ctl")


def test_off_the_path_the_newest_whole_version_is_taken(tmp_path: Path) -> None:
    path = installed(tmp_path / "path", "initdb")  # without its other half
    for version in ("9.6", "15"):
        installed(tmp_path / "postgresql" / version / "bin", "initdb", "pg_ctl")
    installed(tmp_path / "postgresql" / "17" / "bin", "pg_ctl")
    found = tmp_path / "postgresql" / "15" / "bin"
    assert programs(path, tmp_path / "postgresql") == (f"{found}/initdb", f"{found}/pg_ctl")


def test_without_postgresql_the_workers_bench_fails_and_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = installed(tmp_path / "path")

    def find() -> object:
        return programs(empty, tmp_path / "postgresql")

    with pytest.raises(NoPostgresError):
        find()
    assert workers.main([], find) == 1
    assert "apt-get install postgresql" in capsys.readouterr().err
