"""What a Pipedrive field becomes on the list, for every type of field (MG-04, MG-05)."""

import pytest

TYPES = [
    ("varchar", '"Ann"', "Ann"),
    ("varchar_auto", '"Ann"', "Ann"),
    ("text", '"two\\nlines"', "two\nlines"),
    ("double", "12.5", "12.5"),
    ("int", "12", "12"),
    ("monetary", '{"value": 12.5, "currency": "EUR"}', "12.50 EUR"),
    ("monetary", '{"value": 1200.0, "currency": "USD"}', "1200 USD"),
    ("monetary", '{"value": null, "currency": "EUR"}', ""),
    ("double", "12.0", "12"),
    ("double", "12.05", "12.05"),
    ("boolean", "true", "yes"),
    ("boolean", "false", "no"),
    ("date", '"2026-11-02"', "2026-11-02"),
    ("daterange", '{"value": "2026-11-02", "until": "2026-11-05"}', "2026-11-02 - 2026-11-05"),
    ("time", '{"value": "10:00:00", "timezone_id": 1}', "10:00"),
    ("time", '"10:00:30"', "10:00:30"),
    ("timerange", '{"value": "10:00:00", "until": "11:00:00"}', "10:00 - 11:00"),
    ("address", '{"value": "Brīvības 1, Rīga", "country": "Latvia"}', "Brīvības 1, Rīga"),
    ("phone", '"+371 2000"', "+371 2000"),
    ("enum", "41", "Gold"),
    ("set", "[42, 41]", "Gold, Silver"),
    ("user", "11", "Olga Owner"),
    ("org", "31", "Acme"),
]


@pytest.fixture
def directory(draw):
    draw("staging.pipedrive__users", """
        user_id_pipedrive | name
        11                | Olga Owner
    """)  # fmt: skip
    draw("staging.pipedrive__organizations", """
        organization_id_pipedrive | name | body
        31                        | Acme | {"id": 31, "name": "Acme", "address": {"value": "Riga"}}
    """)  # fmt: skip
    draw("staging.pipedrive__field_options", """
        entity       | field_code | option_id | label
        person       | f1         | 41        | Gold
        person       | f1         | 42        | Silver
        organization | f1         | 41        | Another entity's
        person       | f2         | 41        | Another field's
    """)  # fmt: skip


@pytest.fixture
def value(directory, draw, built):
    """The text on the list of one person's field, given the person's body."""

    def of(body: str, field: str, *, entity: str = "person", kind: str = "varchar") -> str:
        draw("resolve.contacts", """
            contact_id | email    | person_id_pipedrive
            c1         | ann@x.lv | 1
        """)  # fmt: skip
        draw("staging.pipedrive__persons", f"""
            person_id_pipedrive | organization_id_pipedrive | body
            1                   | 31                        | {body}
        """)  # fmt: skip
        draw("staging.syncline__fields", f"""
            merge_tag | entity   | field_code | field_type
            TAG       | {entity} | {field}    | {kind}
        """)  # fmt: skip
        ((_, text),) = built("resolve.field_values", "merge_tag, value")
        return str(text)

    return of


@pytest.mark.parametrize(
    ("kind", "received", "expected"), TYPES, ids=[f"{t[0]} {t[2]}" for t in TYPES]
)
def test_a_custom_field_of_every_type_has_a_readable_text(kind, received, expected, value):
    assert value(f'{{"custom_fields": {{"f1": {received}}}}}', "f1", kind=kind) == expected


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in TYPES}))
def test_an_empty_field_of_every_type_is_empty_text_not_missing(kind, value):
    assert value('{"custom_fields": {"f1": null}}', "f1", kind=kind) == ""


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in TYPES}))
def test_a_field_the_vendor_leaves_out_is_empty_text(kind, value):
    assert value("{}", "f1", kind=kind) == ""


@pytest.mark.parametrize("received", ['""', "[]"])
def test_an_empty_set_of_options_is_empty_text(received, value):
    assert value(f'{{"custom_fields": {{"f1": {received}}}}}', "f1", kind="set") == ""


def test_an_option_that_no_longer_exists_is_empty_text(value):
    assert value('{"custom_fields": {"f1": 99}}', "f1", kind="enum") == ""


def test_a_default_field_is_found_beside_the_custom_ones(value):
    assert value('{"job_title": "Baker"}', "job_title") == "Baker"


def test_a_custom_field_named_like_nothing_else_is_found_by_its_code(value):
    code = "9dc80c50d78a15643bfc4ca79d76156a73a1ca0e"
    assert value(f'{{"custom_fields": {{"{code}": "x"}}}}', code) == "x"


def test_an_owner_is_written_by_name(value):
    assert value('{"owner_id": 11}', "owner_id", kind="user") == "Olga Owner"


def test_a_field_that_names_a_person_is_not_mistaken_for_a_user(value):
    # User 11 and person 11 are different people: ids are counted per kind of thing.
    assert value('{"custom_fields": {"f1": 11}}', "f1", kind="people") == ""


def test_a_field_that_names_a_person_shows_the_name_of_one_who_was_read(value, draw):
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | name
        9                   | Bob Berry
    """)  # fmt: skip
    assert value('{"custom_fields": {"f1": 9}}', "f1", kind="people") == "Bob Berry"


def test_the_organization_of_a_person_is_written_by_name(value):
    assert value('{"org_id": 31}', "org_id", kind="org") == "Acme"


def test_an_organization_field_comes_from_the_persons_organization(value):
    assert value("{}", "address", entity="organization", kind="address") == "Riga"


def test_a_value_of_more_than_255_characters_is_cut(value):
    assert value(f'{{"job_title": "{"x" * 300}"}}', "job_title") == "x" * 255


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        ("[{'value': '1', 'primary': false}, {'value': '2', 'primary': true}]", "2"),
        ("[{'value': '1', 'primary': false}, {'value': '2', 'primary': false}]", "1"),
        ("[]", ""),
        ("", ""),
    ],
)
def test_the_phone_is_the_primary_one_or_the_first(phones, expected, draw, built):
    draw("resolve.contacts", """
        contact_id | email    | person_id_pipedrive
        c1         | ann@x.lv | 1
    """)  # fmt: skip
    draw("staging.pipedrive__persons", f"""
        person_id_pipedrive | phones   | body
        1                   | {phones} | {{}}
    """)  # fmt: skip
    draw("staging.syncline__fields", """
        merge_tag | field_code | field_type
        PHONE     | phone      | phone
    """)  # fmt: skip
    assert built("resolve.field_values", "value") == [(expected,)]


def test_a_field_deleted_in_pipedrive_is_not_written(draw, built):
    draw("resolve.contacts", """
        contact_id | email    | person_id_pipedrive
        c1         | ann@x.lv | 1
    """)  # fmt: skip
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | body
        1                   | {"job_title": "Baker", "custom_fields": {}}
    """)  # fmt: skip
    draw("staging.syncline__fields", """
        merge_tag | field_code | is_gone
        JOB       | job_title  | false
        TIER      | f1         | true
    """)  # fmt: skip
    assert built("resolve.field_values", "merge_tag") == [("JOB",)]


def test_a_contact_nobody_selects_has_no_values(draw, built):
    draw("resolve.contacts", """
        contact_id | person_id_pipedrive | is_selected
        c1         | 1                   | false
    """)  # fmt: skip
    draw("staging.pipedrive__persons", """
        person_id_pipedrive | body
        1                   | {"job_title": "Baker"}
    """)  # fmt: skip
    draw("staging.syncline__fields", """
        merge_tag | field_code
        JOB       | job_title
    """)  # fmt: skip
    assert built("resolve.field_values", "merge_tag") == []
