"""The check against the published contract can fail, or it would prove nothing."""

import pytest
from pipedrive_contract import SPECS, check_pipedrive, is_available

pytestmark = pytest.mark.skipif(not is_available(), reason=f"the contract files are not at {SPECS}")


def test_a_member_the_contract_lacks_is_found_in_a_request() -> None:
    with pytest.raises(AssertionError, match="nickname"):
        check_pipedrive("POST", "/api/v2/persons", 200, {"name": "A", "nickname": "B"}, {})


def test_a_wrong_type_is_found_deep_in_an_answer() -> None:
    answer = {"success": True, "data": [{"id": 1, "emails": [{"value": 5}]}]}
    with pytest.raises(AssertionError, match=r"data\.0\.emails\.0\.value"):
        check_pipedrive("GET", "/api/v2/persons", 200, None, answer)


def test_null_is_forgiven_only_where_the_corrections_say_so() -> None:
    check_pipedrive("GET", "/api/v2/persons/1", 200, None, {"data": {"org_id": None}})
    with pytest.raises(AssertionError, match="owner_id"):
        check_pipedrive("GET", "/api/v2/persons/1", 200, None, {"data": {"owner_id": None}})


def test_a_path_the_contract_lacks_may_only_be_refused() -> None:
    check_pipedrive("GET", "/v1/persons", 410, None, {})
    with pytest.raises(AssertionError, match="not in the v1 contract"):
        check_pipedrive("GET", "/v1/persons", 200, None, {})
