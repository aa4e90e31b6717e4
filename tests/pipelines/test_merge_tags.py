"""Which merge tag carries which field: adopted, made, pinned, and never two fields in one."""

from typing import NamedTuple

import pytest

from pipelines.mailigen_pipedrive.merge_tags import MergeVar, make_tag, plan_merge_vars

SOURCE = {"tag": "SOURCE", "name": "Source"}


class Field(NamedTuple):
    key: str
    label: str
    is_gone: bool = False


def test_a_missing_var_is_created_under_a_tag_made_of_its_name():
    tags, missing, chosen = plan_merge_vars([Field("person.f1", "Customer tier")], [SOURCE], {})
    assert tags == {"person.f1": "CUSTOMERTI"}
    assert missing == (MergeVar("CUSTOMERTI", "Customer tier"),)
    assert chosen == tags


def test_an_existing_var_of_the_same_name_is_adopted():
    existing = [SOURCE, {"tag": "TIER", "name": "customer TIER"}]
    tags, missing, chosen = plan_merge_vars([Field("person.f1", "Customer tier")], existing, {})
    assert (tags, missing) == ({"person.f1": "TIER"}, ())
    assert chosen == {"person.f1": "TIER"}


def test_a_pinned_tag_outlives_a_renamed_field():
    existing = [SOURCE, {"tag": "TIER", "name": "Customer tier"}]
    pinned = {"person.f1": "TIER"}
    tags, missing, chosen = plan_merge_vars([Field("person.f1", "Segment")], existing, pinned)
    assert (tags, missing, chosen) == ({"person.f1": "TIER"}, (), {})


def test_a_pinned_var_that_vanished_from_the_list_is_created_again():
    fields = [Field("person.f1", "Customer tier")]
    _, missing, _ = plan_merge_vars(fields, [SOURCE], {"person.f1": "TIER"})
    assert missing == (MergeVar("TIER", "Customer tier"),)


def test_a_field_that_is_gone_keeps_its_tag_and_creates_nothing():
    fields = [Field("person.f1", "Customer tier", is_gone=True)]
    tags, missing, _ = plan_merge_vars(fields, [SOURCE], {"person.f1": "TIER"})
    assert (tags, missing) == ({"person.f1": "TIER"}, ())


def test_first_and_last_name_use_the_lists_own_tags():
    fields = [Field("person.first_name", "First name"), Field("person.last_name", "Last name")]
    existing = [SOURCE, {"tag": "fname", "name": "Vorname"}]
    tags, missing, _ = plan_merge_vars(fields, existing, {})
    assert tags == {"person.first_name": "FNAME", "person.last_name": "LNAME"}
    assert missing == (MergeVar("LNAME", "Last name"),)


def test_the_source_is_created_when_the_list_has_none():
    assert plan_merge_vars([], [], {})[1] == (MergeVar("SOURCE", "Source"),)
    assert plan_merge_vars([], [SOURCE], {})[1] == ()


def test_two_new_fields_of_one_name_get_two_tags():
    fields = [Field("person.f1", "Tier"), Field("person.f2", "Tier")]
    tags, missing, _ = plan_merge_vars(fields, [SOURCE], {})
    assert tags == {"person.f1": "TIER", "person.f2": "TIER2"}
    assert [var.tag for var in missing] == ["TIER", "TIER2"]


def test_a_new_tag_avoids_what_another_field_is_pinned_to():
    fields = [Field("person.f2", "Tier")]
    tags, _, _ = plan_merge_vars(fields, [SOURCE], {"person.f1": "TIER"})
    assert tags == {"person.f2": "TIER2"}


@pytest.mark.parametrize(
    ("name", "tag"),
    [("Ādažu iela", "ADAZUIELA"), ("日本", "FIELD"), ("e-mail 2", "EMAIL2"), ("", "FIELD")],
)
def test_a_tag_is_made_of_plain_capitals_and_digits(name, tag):
    assert make_tag(name, ()) == tag


def test_a_tag_never_grows_beyond_ten_characters():
    taken = {"CUSTOMERTI"} | {f"CUSTOMERT{n}" for n in range(2, 10)}
    assert make_tag("Customer tier", taken) == "CUSTOMER10"
