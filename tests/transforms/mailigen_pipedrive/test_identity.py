"""Who is who from sweep to sweep: one contact per address, carried along (MG-08, MG-12, MG-18)."""

ANN, BOB, CID = 1, 2, 3


def test_a_first_winner_founds_a_new_contact(life):
    seen = life.sweep({"a@x.lv": ANN})
    assert seen.decisions == {"a@x.lv": "new"}


def test_the_same_winner_stays_the_same_contact(life):
    before = life.sweep({"a@x.lv": ANN})
    after = life.sweep({"a@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "same"}
    assert after.contacts == before.contacts


def test_a_dry_run_names_the_same_new_contact_as_the_run_after_it(life, new_life):
    assert life.sweep({"a@x.lv": ANN}) == new_life().sweep({"a@x.lv": ANN})


def test_a_changed_address_moves_the_contact(life):
    before = life.sweep({"a@x.lv": ANN})
    after = life.sweep({"b@x.lv": ANN})
    assert after.decisions == {"b@x.lv": "move"}
    assert after.contacts["b@x.lv"] == before.contacts["a@x.lv"]


def test_two_persons_who_swap_addresses_take_their_contacts_along(life):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    after = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "move", "b@x.lv": "move"}
    assert after.contacts["a@x.lv"] == before.contacts["b@x.lv"]
    assert after.contacts["b@x.lv"] == before.contacts["a@x.lv"]


def test_a_chain_of_moves_takes_every_contact_along(life):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    after = life.sweep({"b@x.lv": ANN, "c@x.lv": BOB})
    assert after.decisions == {"b@x.lv": "move", "c@x.lv": "move"}
    assert after.contacts["b@x.lv"] == before.contacts["a@x.lv"]
    assert after.contacts["c@x.lv"] == before.contacts["b@x.lv"]


def test_three_persons_in_a_ring_take_their_contacts_along(life):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB, "c@x.lv": CID})
    after = life.sweep({"b@x.lv": ANN, "c@x.lv": BOB, "a@x.lv": CID})
    assert set(after.decisions.values()) == {"move"}
    assert after.contacts["b@x.lv"] == before.contacts["a@x.lv"]


def test_a_new_winner_of_an_address_takes_its_contact(life):
    before = life.sweep({"a@x.lv": ANN})
    after = life.sweep({"a@x.lv": BOB})
    assert after.decisions == {"a@x.lv": "take"}
    assert after.contacts == before.contacts


def test_the_former_winner_comes_back_to_the_same_contact(life):
    before = life.sweep({"a@x.lv": ANN})
    life.sweep({"a@x.lv": BOB})
    assert life.sweep({"a@x.lv": ANN}).contacts == before.contacts


def test_a_winner_whom_nobody_selects_any_more_keeps_the_contact(life, db):
    before = life.sweep({"a@x.lv": ANN})
    life.sweep({})
    kept = db.execute("SELECT contact_id, email, is_selected FROM resolve.contacts").fetchall()
    assert kept == [(before.contacts["a@x.lv"], "a@x.lv", False)]
    assert life.sweep({"a@x.lv": ANN}).contacts == before.contacts


def test_somebody_who_leaves_a_shared_address_forks(life):
    before = life.sweep({"a@x.lv": ANN})
    after = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "take", "b@x.lv": "fork"}
    assert after.contacts["a@x.lv"] == before.contacts["a@x.lv"]
    assert after.contacts["b@x.lv"] != before.contacts["a@x.lv"]


def test_somebody_who_left_a_shared_address_long_ago_forks_when_met_again(life):
    before = life.sweep({"a@x.lv": ANN})
    life.sweep({"a@x.lv": BOB})
    after = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "same", "b@x.lv": "fork"}
    assert after.contacts["a@x.lv"] == before.contacts["a@x.lv"]


def test_moving_to_an_address_whose_contact_nobody_speaks_for_merges_into_it(life, db):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    after = life.sweep({"b@x.lv": ANN})
    assert after.decisions == {"b@x.lv": "merge"}
    assert after.contacts["b@x.lv"] == before.contacts["b@x.lv"]
    gone = db.execute("SELECT contact_id FROM resolve.contacts WHERE is_gone").fetchall()
    assert gone == [(before.contacts["a@x.lv"],)]


def test_a_merged_contact_never_comes_back(life):
    life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    merged = life.sweep({"b@x.lv": ANN})
    after = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert after.decisions["b@x.lv"] == "same"
    assert after.contacts["b@x.lv"] == merged.contacts["b@x.lv"]
    assert after.decisions["a@x.lv"] == "fork"


def test_taking_over_an_address_while_ones_own_is_taken_inherits_both(life, db):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    after = life.sweep({"a@x.lv": CID, "b@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "take", "b@x.lv": "take"}
    assert after.contacts == before.contacts
    lineage = db.execute("SELECT contact_id, ancestor_id FROM resolve.lineage").fetchall()
    assert lineage == [(before.contacts["b@x.lv"], before.contacts["a@x.lv"])]


def test_an_address_changed_and_changed_back_is_one_contact_throughout(life):
    seen = [life.sweep({email: ANN}) for email in ("a@x.lv", "b@x.lv", "a@x.lv")]
    assert [next(iter(one.decisions.values())) for one in seen] == ["new", "move", "move"]
    assert len({next(iter(one.contacts.values())) for one in seen}) == 1


def test_somebody_new_at_an_address_that_was_left_is_a_new_contact(life, db):
    before = life.sweep({"a@x.lv": ANN})
    life.sweep({"b@x.lv": ANN})
    after = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert after.decisions == {"a@x.lv": "new", "b@x.lv": "same"}
    assert after.contacts["b@x.lv"] == before.contacts["a@x.lv"]
    assert after.contacts["a@x.lv"] != before.contacts["a@x.lv"]


def test_the_second_contact_a_person_founds_has_an_id_of_its_own(life):
    first = life.sweep({"a@x.lv": ANN})
    second = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    third = life.sweep({"a@x.lv": BOB, "b@x.lv": CID, "c@x.lv": ANN})
    ids = {first.contacts["a@x.lv"], second.contacts["b@x.lv"], third.contacts["c@x.lv"]}
    assert len(ids) == 3
