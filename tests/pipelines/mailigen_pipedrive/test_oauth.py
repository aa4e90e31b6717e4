"""Runs whose CRM is connected by OAuth: renewed in time, revoked, unreachable, another key."""

import json
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.errors import GrantEnded
from connectors.http import utc_now
from pipelines.accounts import burst_of
from pipelines.mailigen_pipedrive.adopt import adopt_sync
from pipelines.mailigen_pipedrive.audit import audit_sync
from pipelines.mailigen_pipedrive.check import check_sync
from pipelines.mailigen_pipedrive.config import Definition
from pipelines.settings import PipedriveConnection
from pipelines.surroundings import REAL
from state import connections as connection_rows
from state import grants
from state.errors import NotAllowed
from tests.pipelines.mailigen_pipedrive.desk import CUSTOMERS, Desk, connections
from tests.pipelines.mailigen_pipedrive.losses import lose
from tests.signing_in import ANN, BOB, BY_OAUTH, KEY, let_in, signed_in

T = TypeVar("T")
TOKEN = "/oauth/token"


@pytest.fixture
def oauth(desk: Desk) -> Iterator[Desk]:
    """The file's settled world, its CRM by OAuth; nothing waits for real."""
    with signed_in(desk):
        desk.journal()
        desk.around = replace(REAL, sleep=lambda _: None)
        yield desk
        desk.around = REAL
        desk.control("events/pipedrive", kind="promote", user=ANN)
        desk.assume("pipedrive", "refresh_rotates", False)


def play(desk: Desk, kind: str, user: int = ANN) -> None:
    desk.control("events/pipedrive", kind=kind, user=user)


def calls(desk: Desk) -> list[tuple[str, int]]:
    """Pipedrive's calls since the last look: path and status."""
    return [
        (line["path"].partition("?")[0], line["status"])
        for line in desk.journal()
        if line["vendor"] == "pipedrive" and line["method"] != "PLAY"
    ]


def condition(desk: Desk) -> str:
    with desk.state() as state:
        known = connection_rows.find(state, "crm")
    assert known is not None
    return known.state


def during(place: str, act: Callable[[], None]) -> Callable[..., Any]:
    """A step that does something at the vendor just before a stage."""

    def step(name: str, stage: Callable[..., T], *args: Any) -> T:
        if name == place:
            act()
        return stage(*args)

    return step


def test_an_account_goes_on_by_oauth_where_it_was_by_token(oauth: Desk) -> None:
    """MG-01: the same company, so links and counts stay; a token is asked for nothing."""
    person, email = oauth.person(on_list=True)
    oauth.play("open", email)

    outcome = oauth.run()

    assert outcome.outcome == "done", outcome.said
    assert len(oauth.ours("activities", person)) == 1
    assert TOKEN not in [path for path, _ in calls(oauth)]


def test_a_token_is_renewed_before_its_hour_is_over(oauth: Desk) -> None:
    """MG-01"""
    later = timedelta(seconds=3599 - 30)
    oauth.around = replace(oauth.around, now=lambda: utc_now() + later)

    assert oauth.run().outcome == "done"

    told = calls(oauth)
    assert [status for path, status in told if path == TOKEN] == [200]
    assert 401 not in [status for _, status in told]


def test_a_token_that_ended_early_is_renewed_once_and_the_call_repeated(oauth: Desk) -> None:
    """MG-01, ALL-06: a write as well, for a 401 comes before anything is done."""
    person, email = oauth.person(on_list=True)
    oauth.play("open", email)

    outcome = oauth.run(step=during("Load", lambda: play(oauth, "expire_access")))

    assert outcome.outcome == "done", outcome.said
    told = calls(oauth)
    assert [status for path, status in told if path == TOKEN] == [200]
    assert [status for _, status in told].count(401) == 1
    assert len(oauth.ours("activities", person)) == 1


def test_a_grant_revoked_in_mid_run_stops_it_and_another_admin_mends_it(oauth: Desk) -> None:
    """MG-02, ALL-06"""
    person, email = oauth.person(on_list=True)
    oauth.play("open", email)

    stopped = oauth.run(step=during("Load", lambda: play(oauth, "revoke_grant")))

    assert (stopped.outcome, stopped.unauthorized) == ("failed", "crm")
    assert "syncline connect crm" in stopped.next_step
    assert condition(oauth) == "needs_reauthorization"
    assert oauth.run().unauthorized == "crm"
    with oauth.state() as state:
        let_in(oauth.url, state, "crm", BOB)
    assert condition(oauth) == "ok"
    assert oauth.run().outcome == "done"
    assert len(oauth.ours("activities", person)) == 1


@pytest.mark.parametrize("kind", ["revoke_grant", "expire_grant"])
def test_every_way_in_says_that_somebody_has_to_sign_in_again(oauth: Desk, kind: str) -> None:
    """MG-02"""
    play(oauth, kind)
    wanted = Definition.model_validate(oauth.wanted)

    checked = check_sync(wanted, oauth.connections, settings=oauth.settings)
    audited = audit_sync(wanted, oauth.connections, report=lambda _: None, settings=oauth.settings)

    assert "needs_reauthorization" in str(checked.findings)
    assert "syncline connect crm" in str(checked.findings)
    assert "refresh_token is invalid" in audited.said
    assert condition(oauth) == "needs_reauthorization"


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "lost_answer"}, {"kind": "rate_limit"}]
)
def test_a_vendor_that_does_not_answer_a_refresh_asks_for_nobody(
    oauth: Desk, fault: dict[str, Any]
) -> None:
    """MG-02: temporary, and the next run goes on."""
    play(oauth, "expire_access")
    oauth.fault(**fault, vendor="pipedrive", path=TOKEN, times=100)

    stopped = oauth.run()

    assert (stopped.outcome, stopped.unauthorized) == ("failed", "")
    assert condition(oauth) == "ok"
    oauth.clear_faults()
    assert oauth.run().outcome == "done"


def test_a_renewal_that_fails_early_does_not_stop_a_token_that_still_works(oauth: Desk) -> None:
    """MG-01"""
    later = timedelta(seconds=3599 - 30)
    oauth.around = replace(oauth.around, now=lambda: utc_now() + later)
    oauth.fault("status", "pipedrive", TOKEN, status=503, times=100)

    assert oauth.run().outcome == "done"


def test_an_answer_lost_by_a_vendor_that_rotates_needs_a_person(oauth: Desk) -> None:
    """MG-02: the new refresh token was in it, and the old one is used up."""
    oauth.assume("pipedrive", "refresh_rotates", True)
    play(oauth, "expire_access")
    oauth.fault("lost_answer", "pipedrive", TOKEN)

    stopped = oauth.run()

    assert (stopped.outcome, stopped.unauthorized) == ("failed", "crm")
    assert condition(oauth) == "needs_reauthorization"


def test_an_administrator_who_was_demoted_is_told_apart_from_a_grant_that_ended(
    oauth: Desk,
) -> None:
    """MG-01, MG-02"""
    play(oauth, "demote")

    stopped = oauth.run()

    assert stopped.unauthorized == "crm"
    assert "administrator" in stopped.said
    with oauth.state() as state:
        assert grants.is_kept(state, "crm")


@pytest.mark.parametrize(
    ("key", "said"),
    [("", "SYNCLINE_KEY is not set"), ("short", "no such key"), (grants.new_key(), "another key")],
    ids=["none", "not a key", "another"],
)
def test_without_its_key_a_run_ends_with_a_sentence_and_nothing_is_lost(
    oauth: Desk, key: str, said: str
) -> None:
    """MG-01, ALL-11"""
    right = oauth.secrets
    oauth.secrets = right | {"SYNCLINE_KEY": key}

    stopped = oauth.run()

    assert stopped.outcome == "failed"
    assert said in stopped.said
    assert not key or key not in stopped.said
    assert condition(oauth) == "ok"
    assert calls(oauth) == []
    oauth.secrets = right
    assert oauth.run().outcome == "done"


def test_an_account_nobody_has_connected_says_so_and_calls_nobody(oauth: Desk) -> None:
    """MG-02"""
    with oauth.state() as state:
        grants.forget(state, "crm", "disconnected by hand")
        with pytest.raises(NotAllowed, match="there is no connection"):
            connection_rows.change(state, "nobody", "ok")

    stopped = oauth.run()

    assert (stopped.outcome, stopped.unauthorized) == ("failed", "crm")
    assert "crm is not connected" in stopped.said
    assert calls(oauth) == []


def test_a_grant_is_in_no_file_under_home_in_the_clear(fresh: Desk) -> None:
    """ALL-11: neither are the app's secret and the key, in whatever form."""
    fresh.start(CUSTOMERS)
    with signed_in(fresh) as first:
        assert fresh.settle().outcome == "done"
        play(fresh, "expire_access")
        assert fresh.run().outcome == "done"
        with fresh.state() as state:
            now = grants.read(state, "crm", key=KEY)
        assert now is not None
        play(fresh, "revoke_grant")
        assert fresh.run().unauthorized == "crm"
    hidden = {first.access_token, first.refresh_token, now.grant["access_token"], KEY,
              "sandbox-app-secret"}  # fmt: skip
    assert len(hidden) == 5
    files = [file for file in Path(fresh.home).rglob("*") if file.is_file()]
    assert files
    for word in hidden:
        forms = {word, urllib.parse.quote(word, safe=""), json.dumps(word)}
        for file in files:
            held = file.read_bytes()
            assert not any(form.encode() in held for form in forms), file


@pytest.mark.parametrize(("plan", "requests"), [("lite", 80), ("growth", 160), ("ultimate", 480)])
def test_an_app_may_call_four_times_as_often_as_a_token(plan: str, requests: int) -> None:
    """MG-01"""
    crm = connections("http://127.0.0.1:9")["crm"]
    assert isinstance(crm, PipedriveConnection)
    by_token = crm.model_copy(update={"plan": plan})
    assert burst_of(by_token.model_copy(update={"secret": BY_OAUTH})) == requests
    assert burst_of(by_token) == requests // 4


def test_a_grant_lost_with_the_state_is_told_before_an_adoption_waits(fresh: Desk) -> None:
    """ALL-14, ALL-05: the run names `connect`, and an adoption without it has not begun."""
    fresh.start(people=60)
    fresh.settle()
    with signed_in(fresh):
        lose(fresh)

        refused = fresh.run()

        assert "Rebuild it: `syncline connect crm` first" in refused.said
        assert "then `syncline adopt acme`" in refused.said
        slept: list[float] = []
        around = replace(REAL, sleep=slept.append)
        with pytest.raises(GrantEnded, match="syncline connect crm"):
            adopt_sync(
                Definition.model_validate(fresh.wanted), fresh.connections,
                settings=fresh.settings, report=lambda _: None, around=around,
            )  # fmt: skip
        assert slept == []
        assert "was begun and did not end" not in fresh.run().said
