"""The administrator who connected leaves, is demoted, or takes the grant back; another comes."""

from typing import Any

import pytest

from connectors.errors import AnotherAccount, BadCredentials, NotAdministrator
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import plan_sync
from pipelines.report import RunOptions
from state import bots
from state import connections as connection_rows
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, SECRETS, Desk, connections

ME, ACCOUNT = "/v1/users/me", "/1.8/getAccountDetails"
STRANGERS = {
    "pipedrive": (ME, {"success": True, "data": {
        "id": 7, "company_id": 990_002, "active_flag": True,
        "access": [{"app": app, "admin": True} for app in ("global", "sales", "account_settings")],
    }}),
    "mailigen": (ACCOUNT, {"user_id": "99002", "username": "strangers", "emails_left": 5}),
}  # fmt: skip
NAMES = {"pipedrive": "crm", "mailigen": "engagement"}


def take_away(desk: Desk, what: str) -> None:
    if what == "token revoked":
        desk.control("events/pipedrive", kind="revoke_token", token=desk.secrets["CRM_TOKEN"])
    elif what == "admin demoted":
        desk.control("events/pipedrive", kind="demote", user=101)
    elif what == "key revoked":
        desk.control("events/mailigen", kind="revoke_key")
    else:
        desk.secrets["LIST_KEY"] = "sandbox-mailigen-restricted"


def give_back(desk: Desk, what: str) -> None:
    """Another administrator connects, or the rights return."""
    if what in ("token revoked", "admin demoted"):
        desk.secrets["CRM_TOKEN"] = "sandbox-pipedrive-bob"
    else:
        desk.control("events/mailigen", kind="restore_key")
        desk.secrets["LIST_KEY"] = "sandbox-mailigen-key"


@pytest.mark.parametrize(
    ("what", "account"),
    [("token revoked", "crm"), ("admin demoted", "crm"), ("key revoked", "engagement"),
     ("key of no administrator", "engagement")],
)  # fmt: skip
def test_events_of_the_time_without_a_grant_count_once_another_admin_connects(
    fresh: Desk, what: str, account: str
) -> None:
    """MG-02: list, fields, bots, counts and links are kept."""
    fresh.start(CUSTOMERS)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("click", email)
    assert fresh.run().outcome == "done"
    before = kept(fresh)
    fresh.effects()
    take_away(fresh, what)
    fresh.play("click", email)
    fresh.play("open", email)

    for _ in range(2):
        stopped = fresh.run()
        assert (stopped.outcome, stopped.unauthorized) == ("failed", account)
        assert "administrator" in stopped.next_step
        assert condition(fresh, account) == "needs_reauthorization"
        assert fresh.effects() == []

    give_back(fresh, what)
    again = fresh.run()
    assert again.outcome == "done", again.said
    assert condition(fresh, account) == "ok"
    assert kept(fresh) == before
    assert len(fresh.ours("deals", person)) == 1, "one click before, one meanwhile: two in all"
    assert len(fresh.ours("activities", person)) == 1
    assert len(fresh.ours("notes", person)) == 1


@pytest.mark.parametrize("vendor", STRANGERS)
def test_credentials_of_another_account_are_refused_everywhere_with_what_to_do(
    desk: Desk, vendor: str
) -> None:
    """MG-02: links and counts belong to the first account."""
    path, body = STRANGERS[vendor]
    desk.fault("status", vendor, path, status=200, body=body, times=100)
    wanted, accounts = Definition.model_validate(desk.wanted), connections(desk.url)

    stopped = desk.run()
    checked = check_sync(wanted, accounts, settings=desk.settings)
    with pytest.raises(AnotherAccount) as planned:
        plan_sync(
            wanted, accounts, options=RunOptions(), report=lambda _: None, settings=desk.settings
        )
    audited = audit_sync(wanted, accounts, report=lambda _: None, settings=desk.settings)

    for said in (stopped.said, str(checked.findings), str(planned.value), audited.said):
        assert f"the credentials of {NAMES[vendor]} belong to account 99" in said
    assert "a connection name of its own" in stopped.next_step
    assert condition(desk, NAMES[vendor]) == "needs_reauthorization"
    assert desk.effects() == []
    desk.clear_faults()
    assert desk.run().outcome == "done"


def test_both_sides_are_asked_so_that_one_look_tells_everything(desk: Desk) -> None:
    """MG-02"""
    secrets = dict(desk.secrets)
    desk.secrets |= {"CRM_TOKEN": "gone", "LIST_KEY": "gone-too"}

    stopped = desk.run()

    desk.secrets = secrets
    assert stopped.unauthorized == "crm"
    assert [f.thing for f in stopped.findings] == ["connection engagement"]
    assert [condition(desk, name) for name in ("crm", "engagement")] == [
        "needs_reauthorization", "needs_reauthorization",
    ]  # fmt: skip
    assert desk.run().outcome == "done"


def test_a_grant_that_ends_in_mid_run_leaves_nothing_half_known(fresh: Desk) -> None:
    """MG-02, ALL-06"""
    fresh.start(CUSTOMERS)
    fresh.settle()
    person, email = fresh.person(on_list=True)
    fresh.play("open", email)
    fresh.fault("status", "pipedrive", "/v1/notes", method="POST", status=401,
                body={"success": False, "error": "unauthorized access"})  # fmt: skip

    stopped = fresh.run()

    assert (stopped.outcome, stopped.unauthorized) == ("failed", "crm")
    assert fresh.run().outcome == "done"
    assert len(fresh.ours("notes", person)) == 1
    assert len(fresh.ours("activities", person)) == 1


def test_the_alert_calls_once_until_it_is_well_again(
    desk: Desk, called: tuple[str, list[dict[str, Any]]]
) -> None:
    """MG-02: a call that went nowhere is made again by the next run."""
    address, arrived = called
    wanted, desk.wanted = desk.wanted, desk.wanted | {"alert": {"webhook": "OPS"}}
    desk.secrets |= {"OPS": "http://127.0.0.1:9/nobody"}
    kinds: list[int] = []

    for key in ("wrong", "wrong", "wrong", "sandbox-mailigen-key", "wrong", "wrong"):
        desk.secrets["LIST_KEY"] = key
        desk.run()
        kinds.append(len(arrived))
        desk.secrets["OPS"] = address

    desk.wanted, desk.secrets["LIST_KEY"] = wanted, "sandbox-mailigen-key"
    assert kinds == [0, 1, 1, 1, 2, 2]
    assert {call["kind"] for call in arrived} == {"needs_reauthorization"}
    assert desk.run().outcome == "done"


PERSONS = "SELECT remote_id, contact_id FROM links WHERE object = 'person' ORDER BY 1"


def condition(desk: Desk, account: str) -> str:
    with desk.state() as state:
        known = connection_rows.find(state, account)
    return known.state if known else "unknown"


def kept(desk: Desk) -> tuple[object, ...]:
    """What a new grant must not change: the list, its fields, who is on it, bots, links."""
    with desk.state() as state:
        known = [(b.bot_id, b.state, b.counting_since) for b in bots.bots(state, "acme")]
        with state.read() as db:
            links = db.exec_driver_sql(PERSONS).all()
            pins = db.exec_driver_sql("SELECT kind, name, remote_id FROM pins ORDER BY 1, 2").all()
    members = sorted((m["email"], str(m["merges"])) for m in desk.members())
    return known, links, pins, members


@pytest.mark.parametrize(
    ("name", "value", "account"),
    [
        ("CRM_TOKEN", "not-the-token", "crm"),
        ("CRM_TOKEN", "with a blank", "crm"),
        ("LIST_KEY", "not-the-key", "engagement"),
        ("LIST_KEY", "sandbox-mailigen-restricted", "engagement"),
    ],
)
def test_wrong_credentials_are_told_by_their_connection_and_the_name_of_their_secret(
    desk: Desk, name: str, value: str, account: str
) -> None:
    """MG-02, ALL-04, ALL-11: in a run, a plan, a check and an audit; never by their value."""
    wanted, accounts = Definition.model_validate(desk.wanted), connections(desk.url)
    desk.secrets[name] = value
    try:
        stopped = desk.run()
        checked = check_sync(wanted, accounts, settings=desk.settings)
        with pytest.raises((BadCredentials, NotAdministrator)) as planned:
            plan_sync(
                wanted, accounts, options=RunOptions(), report=lambda _: None,
                settings=desk.settings,
            )  # fmt: skip
        audited = audit_sync(wanted, accounts, report=lambda _: None, settings=desk.settings)
    finally:
        desk.secrets = dict(SECRETS)
        assert desk.run().outcome == "done"

    for said in (stopped.said, str(planned.value), audited.said, str(checked.findings)):
        assert f"connection {account}, secret {name}" in said
        assert value not in said
    assert f"the secret {name} of the connection {account}" in stopped.next_step


def test_credentials_that_end_in_the_middle_of_a_run_are_told_by_name_too(desk: Desk) -> None:
    """MG-02, ALL-04"""
    body = {"success": False, "error": "unauthorized access"}
    desk.fault("status", "pipedrive", "/api/v2/persons", status=401, body=body, times=100)
    stopped = desk.run()
    desk.clear_faults()
    assert stopped.outcome == "failed"
    assert "connection crm, secret CRM_TOKEN" in stopped.said
    assert desk.run().outcome == "done"
