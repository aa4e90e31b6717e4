"""The door: forms, versions, keys, outputs, errors. Whatever comes in, an answer goes out."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mailigen_desk import FORM, KEY, RESTRICTED, Desk, php_pairs

from sandbox.mailigen.assumptions import ANY_NUMBER, ASSUMPTIONS
from sandbox.mailigen.calls import CALLS
from sandbox.mailigen.forms import Tree, read_form, serialize_php, split_body
from sandbox.vendor import Answer, Request

keys = st.text(st.characters(codec="utf-8", exclude_characters="[]. \0"), min_size=1, max_size=6)
trees = st.dictionaries(
    keys,
    st.recursive(
        st.text(max_size=8),
        lambda inner: st.dictionaries(keys, inner, min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(trees)
def test_a_nested_form_is_read_as_it_was_built(tree: dict[str, Tree]) -> None:
    assert read_form(list(php_pairs(tree))) == tree


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (b"a[]=1&a[]=2", {"a": {"0": "1", "1": "2"}}),
        (b"a[5]=1&a[]=2", {"a": {"5": "1", "6": "2"}}),
        (b"a=1&a[b]=2", {"a": {"b": "2"}}),
        (b"a[b]=1&a=2", {"a": "2"}),
        (b"a.b=1&c d=2", {"a_b": "1", "c_d": "2"}),
        (b"a[b=1", {"a_b": "1"}),
        (b"a[b]c[d]=1", {"a": {"b": "1"}}),
        (b"=1&[x]=2", {"_x]": "2"}),
        (b"a=%C4%81+b", {"a": "ā b"}),
        (b"a" + b"[x]" * 70 + b"=1", {}),
    ],
)
def test_odd_forms_are_read_as_php_reads_them(body: bytes, tree: dict[str, Tree]) -> None:
    assert read_form(split_body(body, None)) == tree


def test_php_output_is_serialized_php(desk: Desk) -> None:
    assert desk.send("ping", {}, output="php").body == b's:16:"Everything\'s Ok!";'
    error = desk.send("lists", {}, key="k", output="php").body
    assert error == b'a:2:{s:5:"error";s:27:"Invalid Mailigen API Key: k";s:4:"code";i:104;}'
    assert serialize_php([True, None, 1.5]) == "a:3:{i:0;b:1;i:1;N;i:2;d:1.5;}"


def test_a_wrong_key_is_answered_with_104_and_status_200(desk: Desk) -> None:
    answer = desk.send("lists", {}, key="nonsense")
    assert answer.status == 200
    assert orjson.loads(answer.body) == {"error": "Invalid Mailigen API Key: nonsense", "code": 104}


def test_a_body_that_is_no_form_carries_no_key(desk: Desk) -> None:
    request = Request(
        "POST",
        "/1.8/",
        [("output", "json"), ("method", "ping")],
        {"content-type": "application/json"},
        orjson.dumps({"apikey": KEY}),
        desk.clock.now(),
    )
    assert orjson.loads(desk.vendor.handle(request).body)["code"] == 104


def test_a_restricted_key_may_not_ask_about_the_account(desk: Desk) -> None:
    for method in ("getAccountDetails", "apikeys"):
        assert b"error" in desk.send(method, {}, key=RESTRICTED).body
        assert b"error" not in desk.send(method, {}).body
    assert desk.send("ping", {}, key=RESTRICTED).body == b'"Everything\'s Ok!"'


def test_a_revoked_key_works_again_once_restored(desk: Desk) -> None:
    desk.vendor.play({"kind": "revoke_key"})
    assert desk.call("ping")["code"] == 104
    assert desk.send("ping", {}, key=RESTRICTED).body == b'"Everything\'s Ok!"'
    desk.vendor.play({"kind": "restore_key"})
    assert desk.call("ping") == "Everything's Ok!"


def test_booleans_are_texts_unless_assumed_otherwise(desk: Desk) -> None:
    assert desk.subscribe("a@x.lv") == "true"
    desk.vendor.assume("booleans_as_text", False)
    assert desk.subscribe("b@x.lv") is True


def test_errors_can_be_assumed_to_have_another_status_and_no_codes(desk: Desk) -> None:
    desk.vendor.assume("error_http_status", 400)
    desk.vendor.assume("error_codes", "flat")
    answer = desk.send("listMembers", {"id": "nope"})
    assert answer.status == 400
    assert orjson.loads(answer.body) == {"error": "Invalid List ID: nope", "code": 0}


def test_the_word_false_is_false_unless_read_as_php_does(desk: Desk) -> None:
    desk.subscribe("a@x.lv", double_optin="false")
    desk.vendor.assume("text_false_is_false", False)
    desk.subscribe("b@x.lv", double_optin="false")
    assert (desk.status("a@x.lv"), desk.status("b@x.lv")) == ("subscribed", "inactive")


def test_fields_beyond_max_input_vars_are_dropped_in_silence(desk: Desk) -> None:
    desk.vendor.assume("max_input_vars", 5)
    batch = [{"EMAIL": f"n{i}@x.lv"} for i in range(10)]
    result = desk.call("listBatchSubscribe", id=desk.list_id, double_optin=False, batch=batch)
    assert result["success_count"] == 2


def test_unknown_methods_versions_and_paths_are_told_apart(desk: Desk) -> None:
    assert desk.call("campaignEmailStatsAIM") == {
        "error": "Unknown method: campaignEmailStatsAIM",
        "code": -32601,
    }
    assert b"Unknown API version" in desk.send("ping", {}, version="2.0").body
    request = Request("GET", "/", [], {}, b"", desk.clock.now())
    assert desk.vendor.handle(request).status == 404


@pytest.mark.parametrize(
    "method", ["listMemberDelete", "campaignClickStatsDetails", "webhooks", "listMembersByMerge"]
)
def test_methods_of_later_versions_do_not_exist_in_15(desk: Desk, method: str) -> None:
    old = orjson.loads(desk.send(method, {}, version="1.5").body)
    new = orjson.loads(desk.send(method, {}, version="1.8").body)
    assert old == {"error": f"Unknown method: {method}", "code": -32601}
    assert old != new


def test_a_method_left_out_is_not_denied_to_exist(desk: Desk) -> None:
    assert "not part of this sandbox" in desk.call("campaignGeoOpens")["error"]


def test_faults_are_matched_against_the_method(desk: Desk) -> None:
    query = [("output", "json"), ("method", "listMembers")]
    request = Request("POST", "/1.8/", query, FORM, b"", desk.clock.now())
    assert desk.vendor.call_name(request) == "/1.8/listMembers"
    assert desk.vendor.rate_limited(request).status == 429
    assert desk.vendor.blocked(request).headers["content-type"] == "text/html"


def test_an_assumption_takes_only_values_it_knows(desk: Desk) -> None:
    for name, value in [("nonsense", 1), ("double_optin_pending", 1), ("subscribers_limit", -1)]:
        with pytest.raises(ValueError, match=name):
            desk.vendor.assume(name, value)
    assert all(entry["why"] for entry in desk.vendor.assumptions().values())


SWITCHES = [
    (name, value)
    for name, known in ASSUMPTIONS.items()
    for value in ((None, 0, 3) if known.choices == ANY_NUMBER else known.choices)
]


@pytest.mark.parametrize(("name", "value"), SWITCHES)
def test_every_call_is_answered_under_every_assumption(name: str, value: object) -> None:
    desk = Desk(people=60)
    email, cids = desk.emails()[0], list(desk.vendor.account()["campaigns"].values())
    desk.vendor.assume(name, value)
    for kind in ("open", "click", "bounce"):
        desk.vendor.play({"kind": kind, "campaign": cids[0], "email": email})
    left_for_last = ("campaignDelete", "listMemberDelete", "listDelete")
    for method in sorted(CALLS, key=lambda method: method in left_for_last):
        batch = [{"EMAIL": "b@x.lv"}, {"EMAIL": "c@x.lv"}]
        where = {"id": desk.list_id, "cid": cids[0], "email_address": email, "batch": batch}
        orjson.loads(desk.send(method, {**where, "merge_var": "FNAME", "title": "T"}).body)


PARAMETERS = [
    "id",
    "list",
    "cid",
    "sid",
    "wid",
    "email_address",
    "merge_vars",
    "batch",
    "emails",
    "options",
    "content",
    "filters",
    "filter",
    "value",
    "name",
    "title",
    "tag",
    "type",
    "status",
    "start",
    "limit",
    "schedule_time",
    "start_date",
    "end_date",
    "split_by",
    "match",
    "url",
]
values = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["0", "-1", "9" * 30, "2026-01-01", "0001-01-01", "9999-12-31 23:59:59"]),
    st.sampled_from(["title", "events", "a@x.lv", "html", "week", "any", "http://[", "all"]),
)
nested = st.recursive(
    values,
    lambda inner: st.dictionaries(
        st.sampled_from(["0", "1", "EMAIL", "field", "condition", "value", "list_id", "url"]),
        inner,
        max_size=3,
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def shared_desk() -> Desk:
    return Desk(people=30)


@settings(max_examples=300)
@given(
    method=st.sampled_from(sorted(CALLS)),
    given_form=st.dictionaries(st.sampled_from(PARAMETERS), nested),
)
def test_garbage_parameters_are_answered(
    shared_desk: Desk, method: str, given_form: dict[str, object]
) -> None:
    real = shared_desk.vendor.account()
    ids = {"id": shared_desk.list_id, "cid": next(iter(real["campaigns"].values()), "")}
    answer = shared_desk.send(method, ids | given_form)
    assert isinstance(answer, Answer)
    orjson.loads(answer.body)


@settings(max_examples=200)
@given(body=st.binary(max_size=60), method=st.text(max_size=8), path=st.text(max_size=5))
def test_garbage_bytes_are_answered(shared_desk: Desk, body: bytes, method: str, path: str) -> None:
    for where in (path, "/1.8/"):
        query = [("method", method), ("output", "json")]
        request = Request("POST", where, query, FORM, body, shared_desk.clock.now())
        assert isinstance(shared_desk.vendor.handle(request), Answer)
