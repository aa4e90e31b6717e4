"""What calls cost, and what happens when the account has had enough."""

import pytest
from pipedrive_desk import BOB, Desk

from sandbox.pipedrive.routes import ROUTES
from tests.contract.pipedrive import PIPEDRIVE


@pytest.mark.skipif(bool(PIPEDRIVE.why_absent()), reason=PIPEDRIVE.why_absent())
def test_every_call_costs_what_the_contract_says() -> None:
    published = {
        (version, method, path.replace("{field_code}", "{code}")): operation.cost
        for (version, method, path), operation in PIPEDRIVE.known.items()
    }
    ours = {(r.version, r.method, r.path): r.cost for r in ROUTES}
    assert {key: published.get(key) for key in ours} == ours


def test_costs_add_up_over_calls(crm: Desk) -> None:
    crm.get("/api/v2/persons")
    crm.get("/api/v2/persons/1")
    crm.post("/v1/notes", {"content": "x", "person_id": 1})
    assert crm.control("GET", "/costs")["pipedrive"] == {"requests": 3, "tokens": 10 + 1 + 10}


def test_refused_calls_cost_tokens_only_if_so_assumed(crm: Desk) -> None:
    crm.get("/api/v2/persons/99999")
    assert crm.control("GET", "/costs")["pipedrive"]["tokens"] == 1
    crm.assume("errors_cost_tokens", False)
    crm.get("/api/v2/persons/99999")
    assert crm.control("GET", "/costs")["pipedrive"]["tokens"] == 1


def test_a_burst_is_counted_per_token_and_over_after_two_seconds(crm: Desk) -> None:
    crm.assume("plan", "lite")
    replies = [crm.get("/v1/users/me") for _ in range(21)]
    assert [r.status for r in replies] == [200] * 20 + [429]
    assert [replies[i].headers["x-ratelimit-remaining"] for i in (0, 19, 20)] == ["19", "0", "0"]
    assert replies[20].headers["x-ratelimit-reset"] in ("1", "2")
    assert crm.as_user(BOB).get("/v1/users/me").status == 200
    crm.control("POST", "/clock", {"advance_s": 2})
    assert crm.get("/v1/users/me").status == 200


def test_search_has_a_smaller_limit_of_its_own(crm: Desk) -> None:
    found = [crm.get("/api/v2/persons/search", term="an").status for _ in range(11)]
    assert found == [200] * 10 + [429]
    assert crm.get("/v1/users/me").status == 200


def test_the_day_is_over_when_the_tokens_are_and_going_on_brings_the_block_page(crm: Desk) -> None:
    crm.assume("daily_budget", 25)
    crm.assume("block_after", 2)
    statuses = [crm.get("/api/v2/persons").status for _ in range(5)]
    assert statuses == [200, 200, 429, 429, 403]
    assert crm.as_user(BOB).get("/api/v2/persons").body is None
    crm.control("POST", "/clock", {"advance_s": 86_400})
    assert crm.get("/api/v2/persons").status == 200


def test_a_daily_refusal_still_shows_requests_left_in_the_burst(crm: Desk) -> None:
    crm.assume("daily_budget", 0)
    reply = crm.get("/api/v2/persons")
    assert (reply.status, int(reply.headers["x-ratelimit-remaining"]) > 0) == (429, True)


def test_headers_about_limits_may_be_missing_or_tell_when_to_retry(crm: Desk) -> None:
    crm.assume("retry_after_header", True)
    crm.fault("rate_limit")
    assert int(crm.get("/v1/users/me").headers["retry-after"]) in (1, 2)
    crm.assume("ratelimit_headers", False)
    assert "x-ratelimit-limit" not in crm.get("/v1/users/me").headers


def test_plan_and_seats_make_the_daily_budget(crm: Desk) -> None:
    crm.assume("plan", "growth")
    crm.assume("seats", 3)
    account = crm.control("GET", "")["vendors"]["pipedrive"]
    assert account["daily_budget"] == 30_000 * 2 * 3
