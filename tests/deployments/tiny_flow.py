"""A flow that proves where it ran, for tests of scheduling: no vendor, no pipeline."""

from prefect import flow

from pipelines.settings import read_settings


@flow(name="tiny")
def tiny(sync: str) -> str:
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "ran.txt").open("a") as ran:
        ran.write(f"{sync} {settings.syncs}\n")
    return sync
