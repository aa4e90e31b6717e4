"""Which acts a random history is made of, and how often each comes."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.oracle import acts, acts_bots

if TYPE_CHECKING:
    from tests.oracle.histories import Features, History

Act = Callable[["History"], str]

WEIGHTS: dict[Act, int] = {
    acts.change_title: 2,
    acts.change_name: 1,
    acts.change_tier: 4,
    acts.change_phone: 3,
    acts.change_owner: 1,
    acts.delete_person: 1,
    acts.add_person: 2,
    acts.merge_persons: 1,
    acts.move_to_fresh: 1,
    acts.move_to_shared: 1,
    acts.add_second_address: 1,
    acts.lose_address: 1,
    acts.contact: 2,
    acts.engage: 3,
    acts.engage_ours: 9,
    acts.send_one: 2,
    acts.send_campaign: 1,
    acts.leave: 1,
    acts.bounce: 2,
    acts.come_back: 1,
    acts.join: 1,
    acts.join_as_person: 1,
    acts.take_off: 1,
    acts_bots.pause_bot: 1,
    acts_bots.resume_bot: 2,
    acts_bots.retire_bot: 1,
    acts_bots.create_again: 2,
    acts_bots.change_after: 1,
    acts_bots.change_repeat: 1,
    acts_bots.change_notes: 1,
    acts_bots.choose_fields: 1,
    acts_bots.change_filter: 1,
    acts_bots.delete_filter: 1,
    acts_bots.give_new_filter: 1,
}


def draw(dice: random.Random, features: "Features") -> Act:
    known = [
        act for act in WEIGHTS if features.merges or act is not acts.merge_persons
    ]  # fmt: skip
    return dice.choices(known, [WEIGHTS[act] for act in known])[0]
