"""Stories of what a person on call types that changes something: `settle` and `forget`.

Killed half-way it is typed again, and then the sync runs as it would have.
"""

from contextlib import closing

from deployments import forgetting, oncall
from pipelines.report import Outcome
from pipelines.settings import Settings, read_settings
from pipelines.surroundings import Surroundings
from state import doubts
from state.database import State, open_state
from state.inbox import Inbox
from tests.lab.stories.books import list_books
from tests.lab.stories.lists import BUSY
from tests.lab.stories.story import HORIZON, MANY, LabDesk, expect, run
from tests.system.leaks import clothes, raw

FORMER, ADDRESS, NAME = "former@erased.example", "now@erased.example", "Zvirbulfeld"
FILES = "files"  # definitions and connections, below the home


class OnCallDesk(LabDesk):
    """A desk with the files that commands read."""

    @property
    def settings(self) -> Settings:
        environ = {"SYNCLINE_HOME": str(self.home)} | self.secrets
        return read_settings(environ, syncs=self.home / FILES / "syncs")

    def put_files(self) -> None:
        (self.home / FILES).mkdir()
        self.write_files(self.home / FILES)


def in_doubt(desk: LabDesk) -> None:
    """Of two notes nobody knew whether they were made: one came late, the other never did. A change
    of a member never arrived either."""
    assert isinstance(desk, OnCallDesk)
    desk.start(BUSY, people=16, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    desk.put_files()
    expect("done", desk.run())
    people = [desk.person(on_list=True) for _ in range(3)]
    for _, email in people[:2]:
        desk.play("open", email)
    desk.edit(people[2][0], first_name="Renamed")
    desk.fault("late_commit", "pipedrive", "/v1/notes", method="POST", delay_s=HORIZON / 4)
    desk.fault("lost_request", "pipedrive", "/v1/notes", method="POST")
    desk.fault("lost_request", "mailigen", "/1.8/listUpdateMember", times=50)
    expect("open", desk.run(settle_within=0))
    desk.clear_faults()
    desk.control("clock", advance_s=HORIZON / 2)
    with desk.state() as state:
        found = doubts.find(state, ["acme"])
    if sorted(one.kind for one in found) != ["deed", "deed", "setting"]:
        raise AssertionError(f"the story cannot begin: in doubt are {found}")


def settle(desk: LabDesk, around: Surroundings) -> Outcome:
    """Say of each doubt what is to be seen at the vendor; of none, when none is left."""
    with closing(_state(desk, around)) as state:
        for doubt in doubts.find(state, doubts.known_syncs(state)):
            notes = [one for one in desk.book("pipedrive", "notes") if doubt.reference in str(one)]
            there = str(notes[0]["id"]) if doubt.reference and notes else ""
            oncall.settle(
                desk.settings, state, doubt, "happened" if there else "send again", by="ann",
                remote_id=there,
            )  # fmt: skip
    return Outcome("settle", "acme", outcome="done")


def settle_and_run(desk: LabDesk, around: Surroundings) -> Outcome:
    settle(desk, around)
    return run(desk, around)


def known_by_two_addresses(desk: LabDesk) -> None:
    """Somebody read our mails under two addresses, one after the other; a delivery names them."""
    assert isinstance(desk, OnCallDesk)
    desk.start(BUSY, people=12, guards=MANY | {"first_activation": "allow"})
    desk.horizon = HORIZON
    desk.put_files()
    person = desk.add_person(f"Oktaviana {NAME}", FORMER)
    expect("done", desk.run())
    for address in (FORMER, ADDRESS):
        desk.readdress(person, address)
        expect("done", desk.run())
        desk.play("open", address)
        desk.play("click", address, times=2)
        expect("done", desk.run())
    with closing(Inbox(desk.home)) as inbox:
        inbox.put("acme", "engagement", f"email={ADDRESS}".encode())


def forget(desk: LabDesk, around: Surroundings) -> Outcome:
    with closing(_state(desk, around)) as state:
        traces = forgetting.look(state, ADDRESS)
        forgetting.forget(desk.settings, state, traces, lambda _: None)
    return Outcome("forget", "acme", outcome="done")


def forget_and_run(desk: LabDesk, around: Surroundings) -> Outcome:
    forget(desk, around)
    return run(desk, around)


def books_and_traces(desk: LabDesk) -> list[str]:
    """The vendors' books, and each file of the home in which the erased person can be found."""
    forms = [form.lower() for word in (FORMER, ADDRESS, NAME) for form in clothes(word)]
    found = [
        f"{place} still names the erased"
        for place, content in raw({"home": desk.home})
        if any(form in content.lower() for form in forms)
    ]
    return [*list_books(desk), *found]


def _state(desk: LabDesk, around: Surroundings) -> State:
    """As commands open it, in the laboratory's time."""
    return open_state(desk.settings.state_url, now=around.now)
