"""What the sandbox's Pipedrive tells of a deal's past."""

import pytest
from pipedrive_desk import Desk


@pytest.fixture
def deal_id(crm: Desk) -> int:
    return int(crm.post("/api/v2/deals", {"title": "Deal"}).result["id"])


def test_changes_come_newest_first_field_by_field_and_a_page_at_a_time(
    crm: Desk, deal_id: int
) -> None:
    """MC-14: "Get changelog of a deal"; a deal's making is none"""
    path = f"/v1/deals/{deal_id}/changelog"
    assert crm.get(path).result == []
    stages = [stage["id"] for stage in crm.get("/api/v2/stages").result[:2]]
    crm.patch(f"/api/v2/deals/{deal_id}", {"title": "Other"})
    crm.patch(f"/api/v2/deals/{deal_id}", {"stage_id": stages[1]})
    first = crm.get(path, limit=1)
    assert [(row["field_key"], row["old_value"], row["new_value"]) for row in first.result] == [
        ("stage_id", str(stages[0]), str(stages[1]))
    ]
    cursor = first.body["additional_data"]["next_cursor"]
    rest = crm.get(path, limit=1, cursor=cursor)
    assert [row["field_key"] for row in rest.result] == ["title"]
    assert rest.body["additional_data"]["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["?", "aWQ6eA", "aWQ6LTE=", "eA=="])
def test_a_cursor_of_ones_own_making_is_refused(crm: Desk, deal_id: int, cursor: str) -> None:
    """MC-14"""
    assert crm.get(f"/v1/deals/{deal_id}/changelog", cursor=cursor).status == 400


def test_a_deal_that_never_was_has_no_past(crm: Desk) -> None:
    """MC-14"""
    assert crm.get("/v1/deals/999999/changelog").status == 404
