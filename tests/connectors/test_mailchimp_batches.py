"""What a batch's gzipped tar says, and what else somebody may have put there."""

import gzip
import io
import json
import tarfile

import pytest

from connectors.errors import Barred, Gone, OutcomeUnknown, ReadFailed
from connectors.mailchimp import MemberLook, MemberUpdate, batches
from connectors.mailchimp.batches import read_results

UPDATE = MemberUpdate("u1", "9", "a@x.lv", {"FNAME": "Ann"})
LOOK = MemberLook("l1", "9", "b@x.lv")
MEMBER = {"id": "h1", "contact_id": "c1", "email_address": "b@x.lv", "status": "subscribed"}


def row(operation_id, status, body):
    response = body if isinstance(body, str) else json.dumps(body)
    return {"operation_id": operation_id, "status_code": status, "response": response}


def packed(*files, names=(), kind=tarfile.REGTYPE):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for at, content in enumerate(files):
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            entry = tarfile.TarInfo(names[at] if names else f"{at}.json")
            entry.size, entry.type = len(body), kind
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def test_each_operation_has_its_own_outcome():
    """ALL-06: one that was refused takes no other with it"""
    gone = {"title": "Resource Not Found", "detail": "could not be found", "status": 404}
    told = read_results(
        packed([row("u1", 404, gone)], b"", [row("l1", 200, MEMBER)]), [UPDATE, LOOK]
    )
    assert told["l1"] == (MEMBER, None)
    assert isinstance(told["u1"].error, Gone)


def test_a_refusal_inside_a_batch_is_named_as_any_other():
    """ALL-08"""
    barred = {"title": "Member In Compliance State", "detail": "compliance state"}
    told = read_results(packed([row("u1", 400, barred)]), [UPDATE])
    assert isinstance(told["u1"].error, Barred)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("u1", 200, {"id": "h1"})] * 2,
        [row("u1", "200", {"id": "h1"})],
        [row("u1", 200, "<html>")],
        [row("u1", 200, {})],
        [row("u1", 500, {"title": "x"})],
        [{"operation_id": "u1", "status_code": 200}],
        [{"operation_id": None}],
    ],
)
def test_a_write_the_results_do_not_speak_of_clearly_is_unknown(rows):
    """ALL-06"""
    told = read_results(packed(rows), [UPDATE])
    assert isinstance(told["u1"].error, OutcomeUnknown)


def test_a_read_the_results_do_not_speak_of_is_read_again():
    """ALL-06"""
    assert isinstance(read_results(packed([]), [LOOK])["l1"].error, ReadFailed)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>expired</html>", b"\x1f\x8b", gzip.compress(b"no tar at all" * 100),
        packed([row("u1", 200, {"id": "h"})])[:-20], packed(b"{"), packed(b'{"a": 1}'),
        packed(b"[7]"), gzip.compress(b"\xff" * 600),
    ],
    ids=[
        "nothing", "a page", "two bytes", "no tar", "cut short", "broken JSON", "no rows",
        "no records", "no text",
    ],
)  # fmt: skip
def test_a_file_that_is_no_tar_of_answers_fails_the_read_and_nothing_else(content):
    """ALL-04: fetching it again does no harm"""
    with pytest.raises(ReadFailed):
        read_results(content, [UPDATE])


@pytest.mark.parametrize("name", ["../../escaped.json", "/escaped.json", "a/b/c.json"])
def test_nothing_in_the_tar_becomes_a_path(name, tmp_path, monkeypatch):
    """ALL-11: it is read where it lies in memory"""
    monkeypatch.chdir(tmp_path)
    told = read_results(packed([row("u1", 200, {"id": "h1"})], names=[name]), [UPDATE])
    assert told["u1"].record == {"id": "h1"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE]
)
def test_what_is_no_file_in_the_tar_is_passed_over(kind):
    """ALL-11: a link would lead out of it"""
    told = read_results(packed(b"", names=["etc"], kind=kind), [UPDATE])
    assert isinstance(told["u1"].error, OutcomeUnknown)


def test_a_tar_that_unpacks_without_end_is_left(monkeypatch):
    """ALL-04: a few kilobytes may become gigabytes"""
    monkeypatch.setattr(batches, "MOST_BYTES", 100_000)
    bomb = packed(b" " * 10_000_000)
    assert len(bomb) < 50_000
    with pytest.raises(ReadFailed):
        read_results(bomb, [UPDATE])
