"""The registry of kinds: whole, quick to read, and a sentence where a kind has no such door."""

import subprocess
import sys
from typing import get_args

import pytest

from deployments.definitions import sync_schema
from deployments.desk import NoDoorError, need
from deployments.prefect_deploy import entrypoint_of
from deployments.scheduled import FLOWS
from deployments.trouble import UsageTrouble
from pipelines.definition import SyncDefinition
from pipelines.kinds import KINDS, MAILIGEN_PIPEDRIVE, Kind
from pipelines.settings import Connection

ACME = {
    "kind": "mailigen_pipedrive", "name": "acme", "schedule": {"every": "15m"},
    "connections": {"crm": "p", "engagement": "m"}, "list": {"title": "N"},
}  # fmt: skip


@pytest.fixture
def acme() -> SyncDefinition:
    return MAILIGEN_PIPEDRIVE.definition.model_validate(ACME)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_kind_is_whole_from_its_definition_to_its_flow(kind: Kind) -> None:
    """ALL-01: the name in the file, the folder, the vendors and the flow of the server agree"""
    assert get_args(kind.definition.model_fields["kind"].annotation) == (kind.name,)
    vendors = {one.model_fields["vendor"].annotation for one in get_args(get_args(Connection)[0])}
    known = {get_args(vendor)[0] for vendor in vendors}
    assert set(kind.vendors.values()) <= known
    assert callable(kind.doors.run)
    assert FLOWS[kind.name].name == kind.name.replace("_", "-")
    assert entrypoint_of(kind.name).endswith(f".{FLOWS[kind.name].fn.__name__}")


def test_the_schema_of_a_sync_is_that_of_one_of_its_kinds() -> None:
    """ALL-01: an editor is told the keys of the kind that stands in the file"""
    schema = sync_schema()
    offered = [schema["$defs"][one["$ref"].split("/")[-1]] for one in schema["anyOf"]]
    assert {one["properties"]["kind"]["const"] for one in offered} == set(KINDS)


def test_a_door_a_kind_has_not_is_told_and_nothing_is_done(acme: SyncDefinition) -> None:
    """ALL-04: what was asked for must be corrected, so the exit code is 2"""
    with pytest.raises(NoDoorError) as told:
        need(None, acme, "preview")
    assert str(told.value) == (
        "acme is a mailigen_pipedrive sync, for which there is no `preview`; nothing was done"
    )
    assert isinstance(told.value, UsageTrouble)
    assert need("a door", acme, "preview") == "a door"


def test_reading_the_registry_imports_none_of_the_kinds() -> None:
    """ALL-01: help and the schema of a server need not wait for DuckDB"""
    asked = "import sys, pipelines.kinds; print(*(m for m in sys.modules if 'pipedrive' in m))"
    read = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    ).stdout
    assert read.strip() == ""
