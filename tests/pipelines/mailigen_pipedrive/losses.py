"""A world whose state is lost, and what is asked of it then.

lose(desk, "history", "keep")   the state database, and what else is named, are gone
adopt(desk)                     rebuild it; no vendor may see a write
quiet(desk)                     the next run writes nothing
"""

import pytest

from connectors.errors import ConnectorError
from pipelines.adopted import Adopted
from pipelines.mailigen_pipedrive.adopt import adopt_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.surroundings import Surroundings
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk, connections

KINDS = ("activities", "deals", "notes")


def lose(desk: Desk, *more: str) -> None:
    """Delete the state database, and what else is named; work files go with it."""
    for file in desk.home.glob("state.db*"):
        file.unlink()
    for name in ("work", "published", *(["history"] if "history" in more else [])):
        for file in desk.home.glob(f"{name}/*.duckdb*"):
            file.unlink()
    if "keep" in more:
        (desk.home / "keep.jsonl").unlink()
    if "key" in more:
        (desk.home / "consent.key").unlink()


def adopt(desk: Desk) -> Adopted:
    """Adopt, and see that no vendor was written to; the wait for late writes is only noted."""
    slept: list[float] = []
    desk.effects()  # what the test did itself
    adopted = adopt_sync(
        Definition.model_validate(desk.wanted), connections(desk.url, desk.horizon),
        settings=desk.settings, report=lambda _: None, around=Surroundings(sleep=slept.append),
    )  # fmt: skip
    assert sum(slept) >= desk.horizon
    assert desk.effects() == []
    return adopted


def quiet(desk: Desk) -> None:
    """The next run is in step, and neither vendor sees an effect of it."""
    outcome = desk.run()
    assert outcome.outcome == "done", outcome.said
    assert desk.effects() == []


def remembered(desk: Desk) -> dict[str, list[tuple[object, ...]]]:
    """What the state database says, but for when it came to know."""
    queries = {
        "contacts": "contact_id, person_id, speaker_id, merged_into, current_address",
        "contact_addresses": "contact_id, address, until_sweep",
        "contact_lineage": "contact_id, ancestor_id",
        "deeds": "write_key, state, remote_id",
        "settings": "subject, state, acknowledged",
        "bots": "bot_id, state, counting_since",
        "consent": "address_hash, kind, lifted_at",
    }
    with desk.state() as state, state.read() as db:
        return {
            table: [
                tuple(row)
                for row in db.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY 1, 2")
            ]
            for table, columns in queries.items()
        }


def busy(desk: Desk) -> tuple[int, str]:
    """A settled world in which one person has an activity, a deal and a note of ours."""
    desk.start(CUSTOMERS, people=60)
    desk.settle()
    person, email = desk.person(on_list=True)
    desk.play("open", email)
    desk.play("click", email, times=2)
    desk.settle()
    assert [len(desk.ours(kind, person)) for kind in KINDS] == [1, 1, 1]
    return person, email


def adopt_half_way(desk: Desk) -> None:
    """State and history of a busy sync are lost, and the adoption dies before it ends."""
    busy(desk)
    lose(desk, "history")
    desk.fault("status", "pipedrive", "/v1/notes", status=400, times=50)
    with pytest.raises(ConnectorError):
        adopt(desk)
    desk.clear_faults()
