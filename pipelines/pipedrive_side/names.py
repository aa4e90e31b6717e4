"""What a definition names at Pipedrive and how that may fail: users, stages, filters of people."""

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.names import Names, candidates


def owner_id(
    owner: str | int, users: Iterable[Mapping[str, Any]], names: Names, where: str
) -> int | None:
    """A user who may own things; whoever is gone or deactivated can own nothing."""
    users = list(users)
    active = [u for u in users if u.get("active_flag")]
    pin = names.pinned.get(("user", str(owner)))
    meant = pin.remote_id if pin else str(owner).casefold()
    found = [u for u in users if meant in (str(u["id"]), str(u.get("email")).casefold())]
    if found and not any(u.get("active_flag") for u in found):
        names.error(where, f"user {owner} is deactivated", "choose another owner")
        return None
    user, is_there = names.find("user", owner, candidates(active, "email"), where=where)
    if user and not is_there:
        names.error(where, f"user {owner} is gone", "choose another owner")
    return int(user) if user else None


def stage_id(
    wanted: tuple[str | int, str | int],
    pipelines: Iterable[Mapping[str, Any]],
    stages: Iterable[Mapping[str, Any]],
    names: Names,
    where: str,
) -> int | None:
    """The stage of (pipeline, stage): a stage's name may stand in several pipelines."""
    pipeline, stage = wanted
    pipeline_id, _ = names.find("pipeline", pipeline, candidates(pipelines, "name"), where=where)
    if pipeline_id is None:
        return None
    inside = [one for one in stages if str(one.get("pipeline_id")) == pipeline_id]
    found, is_there = names.find(
        f"stage of pipeline {pipeline_id}", stage, candidates(inside, "name"),
        where=f"{where}, pipeline {pipeline}",
    )  # fmt: skip
    if found and not is_there:
        names.error(where, f"stage {stage} no longer exists", "choose another stage")
    return int(found) if found else None


def filter_problem(record: Mapping[str, Any] | None) -> str:
    """Why a filter cannot be walked; '' when it can. A dead filter may answer with everybody."""
    if record is None:
        return "its Pipedrive filter no longer exists"
    if record.get("type") != "people":
        return f"its Pipedrive filter selects {record.get('type')}, not people"
    if not record.get("active_flag", True):
        return "its Pipedrive filter is inactive"
    return ""
