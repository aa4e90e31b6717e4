"""When a rule fires: counts that reach a threshold, since when, and how often (MG-14, MG-18)."""

import pytest


@pytest.fixture
def ann(draw):
    draw("resolve.contacts", """
        contact_id | automated_by
        ann        | [one]
    """)  # fmt: skip


def rule(draw, threshold, **more):
    columns = {"bot_id": "one", "rule_id": "warm", "threshold": threshold, **more}
    draw(
        "staging.syncline__rules",
        f"{' | '.join(columns)}\n{' | '.join(str(value) for value in columns.values())}",
    )


def opens(draw, *sweeps):
    """One opened e-mail in each of these sweeps, each of another campaign."""
    rows = "\n".join(f"ann | k{n} | {sweep}" for n, sweep in enumerate(sweeps))
    draw("resolve.contact_events", f"contact_id | campaign_id_mailigen | sweep\n{rows}")


def clicks(draw, *times_by_sweep):
    rows = "\n".join(f"ann | click | {sweep} | {times}" for sweep, times in times_by_sweep)
    draw("resolve.contact_events", f"contact_id | kind | sweep | times\n{rows}")


CROSSED = "crossing, event_count, crossed_in_sweep"


def test_a_count_below_the_threshold_fires_nothing(ann, draw, built):
    rule(draw, 3)
    opens(draw, 1, 2)
    assert built("resolve.crossings", CROSSED) == []


def test_a_count_that_reaches_the_threshold_fires_in_that_sweep(ann, draw, built):
    rule(draw, 3)
    opens(draw, 1, 2, 4)
    assert built("resolve.crossings", CROSSED) == [("1", 3, 4)]


def test_a_count_that_goes_on_fires_no_more(ann, draw, built):
    rule(draw, 2)
    opens(draw, 1, 2, 3, 4, 5)
    assert built("resolve.crossings", CROSSED) == [("1", 2, 2)]


def test_a_jump_over_the_threshold_fires_once(ann, draw, built):
    rule(draw, 2)
    opens(draw, 4, 4, 4, 4, 4)
    assert built("resolve.crossings", CROSSED) == [("1", 5, 4)]


def test_a_repeated_rule_fires_at_every_multiple(ann, draw, built):
    rule(draw, 2, is_repeated="true")
    opens(draw, 1, 2, 3, 4, 5)
    assert built("resolve.crossings", CROSSED) == [("2", 2, 2), ("4", 4, 4)]


def test_a_jump_over_two_multiples_fires_twice(ann, draw, built):
    rule(draw, 2, is_repeated="true")
    opens(draw, 1, 3, 3, 3, 3)
    assert built("resolve.crossings", CROSSED) == [("2", 5, 3), ("4", 5, 3)]


def test_every_click_counts_and_on_any_link(ann, draw, built):
    rule(draw, 4, event="click")
    clicks(draw, (1, 1), (2, 2))
    draw("resolve.contact_events", """
        contact_id | kind  | link | sweep
        ann        | click | x.lv | 2
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == [("1", 4, 2)]


def test_a_repeated_click_rule_fires_for_every_multiple_jumped_over(ann, draw, built):
    rule(draw, 3, event="click", is_repeated="true")
    clicks(draw, (1, 2), (2, 8))
    assert built("resolve.crossings", "crossing") == [("3",), ("6",), ("9",)]


@pytest.mark.parametrize("kind", ["open", "send", "bounce"])
def test_a_mail_counts_once_however_often_it_happens(kind, ann, draw, built):
    rule(draw, 2, event=kind)
    draw("resolve.contact_events", f"""
        contact_id | campaign_id_mailigen | kind   | sweep | times
        ann        | k1                   | {kind} | 1     | 5
        ann        | k1                   | {kind} | 2     | 5
        ann        | k2                   | {kind} | 4     | 1
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == [("1", 2, 4)]


def test_one_mail_opened_at_two_addresses_of_a_contact_counts_once(ann, draw, built):
    rule(draw, 2)
    draw("resolve.contact_events", """
        contact_id | email    | sweep
        ann        | old@x.lv | 2
        ann        | new@x.lv | 2
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == []


def test_another_kind_of_event_does_not_count(ann, draw, built):
    rule(draw, 1, event="bounce")
    opens(draw, 1)
    assert built("resolve.crossings", CROSSED) == []


def test_what_the_baseline_held_does_not_count(ann, draw, built):
    rule(draw, 2, counting_since=3)
    opens(draw, 1, 2, 3, 4)
    assert built("resolve.crossings", CROSSED) == []


def test_after_the_baseline_counting_starts_from_nothing(ann, draw, built):
    rule(draw, 2, counting_since=3)
    opens(draw, 1, 3, 4, 5)
    assert built("resolve.crossings", CROSSED) == [("1", 2, 5)]


def test_counting_all_time_includes_the_first_sweep(ann, draw, built):
    rule(draw, 1, counting_since=0)
    opens(draw, 1)
    assert built("resolve.crossings", CROSSED) == [("1", 1, 1)]


def test_a_mail_opened_before_the_baseline_and_again_after_it_counts(ann, draw, built):
    rule(draw, 1, counting_since=3)
    draw("resolve.contact_events", """
        contact_id | sweep
        ann        | 2
        ann        | 5
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == [("1", 1, 5)]


@pytest.mark.parametrize(("until", "counted"), [("5", [1, 5, 6]), ("", [1])])
def test_events_first_seen_in_a_pause_do_not_count(until, counted, ann, draw, built):
    rule(draw, 1, is_repeated="true")
    draw("staging.syncline__pauses", f"""
        bot_id | from_sweep | until_sweep
        one    | 3          | {until}
    """)  # fmt: skip
    opens(draw, 1, 3, 4, 5, 6)
    crossed = [sweep for (sweep,) in built("resolve.crossings", "crossed_in_sweep")]
    assert crossed == counted


def test_two_pauses_leave_out_what_either_covers_and_double_nothing(ann, draw, built):
    rule(draw, 3, event="click")
    draw("staging.syncline__pauses", """
        bot_id | from_sweep | until_sweep
        one    | 2          | 4
        one    | 3          | 5
        other  | 1          | 2
    """)  # fmt: skip
    clicks(draw, (1, 1), (3, 7), (5, 2))
    assert built("resolve.crossings", CROSSED) == [("1", 3, 5)]


def test_an_edited_threshold_applies_to_crossings_after_the_edit(ann, draw, built):
    rule(draw, 2, effective_since=4)
    opens(draw, 1, 2, 5)
    assert built("resolve.crossings", CROSSED) == []


def test_a_repeated_rule_goes_on_after_an_edit(ann, draw, built):
    rule(draw, 2, effective_since=4, is_repeated="true")
    opens(draw, 1, 2, 5, 6)
    assert built("resolve.crossings", CROSSED) == [("4", 4, 6)]


def test_whoever_no_bot_with_the_rule_selects_fires_nothing(draw, built):
    draw("resolve.contacts", """
        contact_id | automated_by    | is_selected
        ann        | [other] | true
        bob        | []      | false
    """)  # fmt: skip
    rule(draw, 1)
    opens(draw, 1)
    draw("resolve.contact_events", """
        contact_id | sweep
        bob        | 1
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == []


def test_whoever_qualifies_only_now_fires_for_events_since_activation(draw, built):
    draw("resolve.contacts", """
        contact_id | automated_by
        ann        | [other]
    """)  # fmt: skip
    rule(draw, 2)
    opens(draw, 1, 2)
    assert built("resolve.crossings", CROSSED) == []
    draw("resolve.contacts", """
        contact_id | automated_by
        ann        | [one]
    """)  # fmt: skip
    assert built("resolve.crossings", CROSSED) == [("1", 2, 2)]


def test_every_bot_of_a_contact_fires_its_own_rules(draw, built):
    draw("resolve.contacts", """
        contact_id | automated_by
        ann        | [one, two]
    """)  # fmt: skip
    rule(draw, 1)
    rule(draw, 2, bot_id="two", rule_id="hot")
    opens(draw, 1, 2)
    assert built("resolve.crossings", "bot_id, rule_id") == [("one", "warm"), ("two", "hot")]
