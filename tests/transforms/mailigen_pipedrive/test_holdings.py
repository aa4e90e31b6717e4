"""Whose an address was in which sweep, and whose deeds count as whose (MG-18)."""

ANN, BOB, CID = 1, 2, 3


def held(db, names):
    """The holdings with contacts under the names a test gave them."""
    rows = db.execute("FROM resolve.holdings").fetchall()
    return sorted((names[contact], email, first, until) for contact, email, first, until in rows)


def test_an_address_nobody_ever_held_is_its_first_contacts_from_the_beginning(life, db):
    ann = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    assert held(db, {ann: "ann"}) == [("ann", "a@x.lv", 0, None)]


def test_a_moved_contact_keeps_its_old_address_too(life, db):
    ann = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    life.sweep({"b@x.lv": ANN})
    assert held(db, {ann: "ann"}) == [("ann", "a@x.lv", 0, None), ("ann", "b@x.lv", 0, None)]


def test_an_address_left_behind_changes_hands_in_the_sweep_that_sees_it(life, db):
    ann = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    life.sweep({"b@x.lv": ANN})
    bob = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN}).contacts["a@x.lv"]
    assert held(db, {ann: "ann", bob: "bob"}) == [
        ("ann", "a@x.lv", 0, 3),
        ("ann", "b@x.lv", 0, None),
        ("bob", "a@x.lv", 3, None),
    ]


def test_swapped_addresses_change_hands_both_ways(life, db):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB}).contacts
    life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    names = {before["a@x.lv"]: "ann", before["b@x.lv"]: "bob"}
    assert held(db, names) == [
        ("ann", "a@x.lv", 0, 2),
        ("ann", "b@x.lv", 2, None),
        ("bob", "a@x.lv", 2, None),
        ("bob", "b@x.lv", 0, 2),
    ]


def test_a_fork_carries_what_came_before_it_and_nothing_after(life, db):
    stays = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    leaves = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN}).contacts["b@x.lv"]
    assert held(db, {stays: "stays", leaves: "leaves"}) == [
        ("leaves", "a@x.lv", 0, 2),
        ("leaves", "b@x.lv", 0, None),
        ("stays", "a@x.lv", 0, None),
    ]


def test_a_merged_contact_hands_its_addresses_over(life, db):
    before = life.sweep({"a@x.lv": ANN, "b@x.lv": BOB}).contacts
    life.sweep({"b@x.lv": ANN})
    rows = held(db, {before["a@x.lv"]: "ended", before["b@x.lv"]: "kept"})
    assert ("kept", "a@x.lv", 0, None) in rows
    assert ("kept", "b@x.lv", 0, None) in rows


def test_what_was_remembered_is_what_was_resolved(life, db):
    life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    life.sweep({"a@x.lv": CID, "c@x.lv": BOB})
    resolved = db.execute("FROM resolve.holdings ORDER BY ALL").fetchall()
    life.recall()
    assert db.execute("FROM staging.syncline__addresses ORDER BY ALL").fetchall() == resolved


def test_holdings_change_no_more_when_nothing_changes(life, db):
    life.sweep({"a@x.lv": ANN})
    life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    before = db.execute("FROM resolve.holdings ORDER BY ALL").fetchall()
    life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert db.execute("FROM resolve.holdings ORDER BY ALL").fetchall() == before


def test_a_fork_counts_the_deeds_of_its_ancestor_up_to_the_parting(life, db):
    stays = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    leaves = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN}).contacts["b@x.lv"]
    life.sweep({"a@x.lv": BOB, "b@x.lv": ANN})
    assert db.execute("FROM resolve.lineage").fetchall() == [(leaves, stays, 2)]


def test_a_fork_of_a_fork_has_both_for_ancestors_each_up_to_its_parting(life, db):
    first = life.sweep({"a@x.lv": ANN}).contacts["a@x.lv"]
    second = life.sweep({"a@x.lv": BOB, "b@x.lv": ANN}).contacts["b@x.lv"]
    third = life.sweep({"a@x.lv": BOB, "b@x.lv": CID, "c@x.lv": ANN}).contacts["c@x.lv"]
    lineage = set(db.execute("FROM resolve.lineage").fetchall())
    assert lineage == {(second, first, 2), (third, second, 3), (third, first, 2)}


def test_a_contact_is_never_its_own_ancestor(life, db):
    life.sweep({"a@x.lv": ANN, "b@x.lv": BOB})
    life.sweep({"a@x.lv": CID, "b@x.lv": ANN})
    life.sweep({"a@x.lv": ANN, "b@x.lv": CID})
    life.sweep({"a@x.lv": CID, "b@x.lv": ANN})
    assert db.execute("FROM resolve.lineage WHERE contact_id = ancestor_id").fetchall() == []
