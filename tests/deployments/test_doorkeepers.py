"""Syncs that are added to the folder while `listen` goes on."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deployments.doorkeepers import Doorkeepers
from pipelines.settings import read_settings
from state import lease
from state.database import State, open_state
from state.doors import listener_name

CONNECTIONS = """
p: {vendor: pipedrive, base_url: "http://127.0.0.1:9", secret: {token: T}}
m: {vendor: mailigen, base_url: "http://127.0.0.1:9", secret: {key: T, webhook: HOOK}}
mute: {vendor: mailigen, base_url: "http://127.0.0.1:9", secret: {key: T, webhook: UNSET}}
far: {vendor: mailigen, base_url: "https://api.mailigen.com", secret: {key: T, webhook: HOOK}}
"""
SYNC = """
kind: mailigen_pipedrive
name: {name}
schedule: {{every: 1h}}
connections: {{crm: p, engagement: {account}}}
list: {{title: N}}
"""
PUBLIC = "http://127.0.0.1:8500"


class Hall:
    """A folder of syncs, and whoever is listened for by now."""

    def __init__(self, folder: Path, held: ExitStack, *, are_all: bool = True) -> None:
        self.folder, self.said, self.now = folder, list[str](), 0.0
        (folder / "syncs").mkdir(exist_ok=True)
        (folder / "connections.yaml").write_text(CONNECTIONS)
        settings = read_settings(
            {"SYNCLINE_HOME": str(folder / "home"), "T": "t", "HOOK": "a secret of 26 characters"},
            syncs=folder / "syncs",
        )
        settings.make_home()
        self.state: State = open_state(settings.state_url)
        held.callback(self.state.close)
        closing = held.enter_context(ExitStack())
        self.doors = Doorkeepers(
            settings, self.state, "127.0.0.1:8500", PUBLIC, 60, self.said.append, closing, are_all,
            seconds=lambda: self.now,
        )  # fmt: skip
        self.names: set[str] = set()

    def add(self, name: str, account: str = "m") -> None:
        self.file(name).write_text(SYNC.format(name=name, account=account))

    def file(self, name: str) -> Path:
        return self.folder / "syncs" / f"{name}.yaml"

    def look(self) -> list[str]:
        """Who is opened for now."""
        found = [one.name for one in self.doors.added(self.names)]
        self.names.update(found)
        return found


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    with ExitStack() as held:
        yield Hall(tmp_path, held)


def test_a_sync_that_is_added_is_listened_for_at_its_own_path(hall: Hall) -> None:
    """ALL-12: once, under a lease, which ends with the listener"""
    assert hall.look() == []
    assert hall.doors.find("/hooks/beta/m") is None
    hall.add("beta")
    assert hall.look() == ["beta"]
    assert hall.look() == []
    assert hall.said == [
        f"beta: listening on 127.0.0.1:8500/hooks/beta/m for {PUBLIC}/hooks/beta/m"
    ]
    source = hall.doors.find("/hooks/beta/m")
    assert source is not None
    assert source.sync == "beta"
    assert lease.holding(hall.state, listener_name("beta"))
    hall.doors.held.close()
    assert lease.holding(hall.state, listener_name("beta")) is None


def test_who_named_the_syncs_is_given_no_others(tmp_path: Path) -> None:
    """ALL-12"""
    with ExitStack() as held:
        hall = Hall(tmp_path, held, are_all=False)
        hall.add("beta")
        assert hall.look() == []


def test_a_sync_whose_file_is_back_is_listened_for_again(hall: Hall) -> None:
    """ALL-12: no file need change between that it is left and that it is taken up"""
    hall.add("beta")
    (keeper,) = hall.doors.added([])
    hall.names.add("beta")
    assert hall.look() == []
    keeper.is_gone = True
    assert hall.doors.find("/hooks/beta/m") is None
    keeper.close()
    hall.names.clear()
    assert hall.look() == ["beta"]
    assert hall.doors.find("/hooks/beta/m") is not None


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("mute", "beta: not listened for: the secret UNSET is not set"),
        ("mute", "What was exported since `listen` began it sees only when it is started again"),
        ("far", "beta: not listened for: Mailigen cannot reach a loopback address"),
        ("nowhere", "no connection is called `nowhere`"),
    ],
)
def test_an_added_sync_nobody_could_ring_for_is_told_once_and_stops_nobody(
    hall: Hall, account: str, said: str
) -> None:
    """ALL-12: after the next edit it is looked at again"""
    hall.add("beta", account)
    hall.add("gamma")
    assert hall.look() == ["gamma"]
    assert hall.look() == []
    assert len(hall.said) == 2
    assert said in hall.said[0]
    hall.add("beta")
    assert hall.look() == ["beta"]


def test_an_added_file_that_cannot_be_read_is_told_and_taken_up_once_it_can(hall: Hall) -> None:
    """ALL-12"""
    hall.add("acme")
    assert hall.look() == ["acme"]
    hall.file("beta").write_text("kind: mailigen_pipedrive\nname: beta\n")
    assert hall.look() == hall.look() == []
    assert hall.said[1].startswith("beta.yaml: its sync is not listened for: ")
    assert sum("beta.yaml" in line for line in hall.said) == len(set(hall.said[1:]))
    hall.add("beta")
    assert hall.look() == ["beta"]


def test_a_mistake_in_the_file_of_a_sync_that_is_listened_for_is_its_own_to_tell(
    hall: Hall,
) -> None:
    """ALL-12"""
    hall.add("acme")
    hall.look()
    hall.file("acme").write_text("kind: mailigen_pipedrive\nname: acme\n")
    assert hall.look() == []
    assert len(hall.said) == 1


def test_an_added_sync_that_somebody_else_listens_for_is_left_to_them(hall: Hall) -> None:
    """ALL-12"""
    held = lease.acquire(hall.state, listener_name("beta"), run_id="listen-1")
    hall.add("beta")
    assert hall.look() == hall.look() == []
    (line,) = hall.said
    assert "somebody listens for beta already: process" in line
    lease.release(held)
    hall.now += 60
    assert hall.look() == ["beta"]
