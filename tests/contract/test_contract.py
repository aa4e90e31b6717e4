"""The check against the published contract can fail, or it would prove nothing."""

from typing import Any

import pytest

from tests.contract.exchange import OURS, Exchange
from tests.contract.mailigen import Documented
from tests.contract.pipedrive import PIPEDRIVE

pytestmark = pytest.mark.skipif(bool(PIPEDRIVE.why_absent()), reason=PIPEDRIVE.why_absent())
DESK = "python-httpx/0.28"


def exchange(
    method: str,
    path: str,
    sent: Any = None,
    answered: Any = None,
    *,
    status: int = 200,
    agent: str = OURS,
    **query: str,
) -> Exchange:
    told = {"type": "application/json"}
    request = None if sent is None else told | {"json": sent}
    answer = None if answered is None else told | {"json": answered}
    asked = tuple(query.items())
    return Exchange("pipedrive", agent, method, path, asked, status, request, answer)


def only(complaints: list[str]) -> str:
    assert len(complaints) == 1, complaints
    return complaints[0]


def test_a_member_the_contract_lacks_is_found_in_a_request() -> None:
    sent = {"name": "A", "nickname": "B"}
    assert "'nickname' is unknown" in only(
        PIPEDRIVE.hold(exchange("POST", "/api/v2/persons", sent))
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"limits": "500"}, "query limits is unknown"),
        ({"limit": "many"}, "'many' is not of type 'integer'"),
        ({"sort_by": "name"}, "'name' is not one of"),
        ({"include_fields": "last_activity_id,shoe_size"}, "'shoe_size' is not one of"),
    ],
)
def test_a_query_the_contract_does_not_allow_is_found(query: dict[str, str], said: str) -> None:
    assert said in only(PIPEDRIVE.hold(exchange("GET", "/api/v2/persons", **query)))


def test_a_query_the_contract_requires_is_missed() -> None:
    assert "query term is missing" in only(PIPEDRIVE.hold(exchange("GET", "/api/v2/itemSearch")))


def test_a_body_where_none_is_foreseen_is_found() -> None:
    found = PIPEDRIVE.hold(exchange("DELETE", "/api/v2/persons/1", {"why": "x"}))
    assert "is not foreseen" in only(found)


def test_our_request_is_held_also_where_the_vendor_refused_it_for_another_reason() -> None:
    sent = {"name": 5}
    for status, count in ((0, 1), (403, 1), (429, 1), (400, 0)):
        found = PIPEDRIVE.hold(exchange("POST", "/api/v2/persons", sent, status=status))
        assert len(found) == count, status
    wrong = exchange("POST", "/api/v2/persons", sent, status=403, agent=DESK)
    assert not PIPEDRIVE.hold(wrong)


def test_a_wrong_type_is_found_deep_in_an_answer() -> None:
    answer = {"success": True, "data": [{"id": 1, "emails": [{"value": 5}]}]}
    found = PIPEDRIVE.hold(exchange("GET", "/api/v2/persons", None, answer))
    assert "data.0.emails.0.value" in only(found)


def test_null_is_forgiven_only_where_the_corrections_say_so() -> None:
    good = exchange("GET", "/api/v2/persons/1", None, {"data": {"org_id": None}})
    assert not PIPEDRIVE.hold(good)
    bad = exchange("GET", "/api/v2/persons/1", None, {"data": {"owner_id": None}})
    assert "owner_id" in only(PIPEDRIVE.hold(bad))


def test_a_path_the_contract_lacks_may_only_be_refused_and_never_asked_by_us() -> None:
    assert not PIPEDRIVE.hold(exchange("GET", "/v1/persons", status=410, agent=DESK))
    assert PIPEDRIVE.hold(exchange("GET", "/v1/persons", status=200, agent=DESK))
    assert PIPEDRIVE.hold(exchange("GET", "/v1/persons", status=410))


def test_an_answer_of_5xx_is_the_sandboxes_mistake() -> None:
    found = PIPEDRIVE.hold(exchange("GET", "/v1/users", status=500, agent=DESK))
    assert "the sandbox failed" in only(found)


def test_a_good_status_the_contract_lacks_is_found() -> None:
    assert "status 202" in only(PIPEDRIVE.hold(exchange("GET", "/v1/users", status=202)))


def mailigen(form: list[list[str]], answer: Any, *, method: str = "listMembers") -> Exchange:
    request = {"type": "application/x-www-form-urlencoded", "form": form}
    told = {"type": "application/json", "json": answer}
    asked = (("output", "json"), ("method", method))
    return Exchange("mailigen", OURS, "POST", "/1.8/", asked, 200, request, told)


def test_a_parameter_a_mailigen_method_is_not_documented_with_is_found() -> None:
    held = Documented()
    good = [["apikey", "x"], ["id", "1"], ["limit", "5"]]
    assert not held.hold(mailigen(good, [{"email": "a@x.lv", "timestamp": ""}]))
    assert "page" in only(held.hold(mailigen([*good, ["page", "2"]], [])))
    assert "timestamp" in only(held.hold(mailigen(good, [{"email": "a@x.lv"}])))
    assert "not documented" in only(held.hold(mailigen([], [], method="listEverything")))
