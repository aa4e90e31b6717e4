"""People who join the list by themselves, and what the CRM holds of them.

join(desk, FNAME="Nora")    she fills in the form
joined_persons(desk)        the living persons that have her address
quiet(desk)                 a run that finds nothing to do
"""

from tests.pipelines.mailigen_pipedrive.desk import Desk, Json

NORA = "Nora.New@joined.example"
ON = {"new_subscribers": {"owner": "ann@acme.example"}}


def join(desk: Desk, email: str = NORA, *, title: str = "Newsletter", **fields: str) -> None:
    desk.control("events/mailigen", kind="subscribe", email=email, list=title, fields=fields)


def joined_persons(desk: Desk, email: str = NORA) -> list[Json]:
    """The living persons that have an address, as any of theirs."""
    return [
        p for p in desk.book("pipedrive", "persons")
        if email.lower() in [e["value"].strip().lower() for e in p["emails"]]
    ]  # fmt: skip


def quiet(desk: Desk) -> None:
    """One more run finds everything done and sends nothing."""
    desk.effects()
    outcome = desk.run()
    assert (outcome.outcome, outcome.counts["intents"]) == ("done", 0), outcome.said
    assert desk.effects() == []
