"""A world that is copied in the middle of a batch goes on by itself, as the laboratory needs it."""

import copy
import pickle

import orjson
from mailchimp_desk import hash_of
from mailigen_desk import StandingClock

from sandbox.mailchimp import MailchimpVendor
from sandbox.mailchimp.access import ACME_KEY
from sandbox.population import populate
from sandbox.vendor import Request
from sandbox.world import World

STATUSES = ("preprocessing", "started", "finalizing", "finished")


def nobody(*_: object) -> None:
    """Hears of effects and deliveries, and can be pickled."""


def test_a_batch_that_waits_is_carried_out_in_the_copy_and_not_in_the_first_world() -> None:
    """ALL-06: what waits on the clock belongs to the world whose clock it is."""
    world = World(7, populate(7, 20), StandingClock(), nobody, nobody)
    vendor = MailchimpVendor(world)
    list_id = vendor.account()["lists"]["Newsletter"]
    email = "copied@new.example"
    told = orjson.dumps({"email_address": email, "status": "subscribed"}).decode()
    operation = {"method": "POST", "path": f"/lists/{list_id}/members", "body": told}
    headers = {"authorization": f"Bearer {ACME_KEY}"}
    body = orjson.dumps({"operations": [operation]})
    now = world.clock.now()
    assert vendor.handle(Request("POST", "/3.0/batches", [], headers, body, now)).status == 200
    for second in (copy.deepcopy(vendor), pickle.loads(pickle.dumps(vendor))):
        for _ in range(len(STATUSES)):
            second.acme.world.clock.advance(minutes=1)
        assert second.acme.members.find(list_id, hash_of(email))
        assert not vendor.acme.members.find(list_id, hash_of(email))
