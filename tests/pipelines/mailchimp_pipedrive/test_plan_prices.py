"""What a plan says that it will cost, beside what carrying it out asked for."""

from tests.pipelines.mailchimp_pipedrive.flow_desk import OUT, FlowDesk
from tests.pipelines.mailchimp_pipedrive.test_flows import done


def test_a_plan_is_priced_at_what_carrying_it_out_asks_for(desk: FlowDesk) -> None:
    """ALL-07: a new member is looked for before it is subscribed."""
    desk.start(OUT)
    done(desk)
    for name in ("Ann", "Bob"):
        desk.add_person(name, f"{name.lower()}@new.example")
    renamed = next(one["id"] for one in desk.selected() if desk.member(one["emails"][0]["value"]))
    desk.edit(renamed, first_name="Zelda")
    plan = desk.plan()
    desk.journal()
    done(desk)
    about_one = [
        line for line in desk.journal()
        if line["vendor"] == "mailchimp"
        and ("/members/" in line["path"] or (line["method"], line["path"][-8:]) == ("POST", "/members"))
    ]  # fmt: skip
    price = plan.calls["engagement"]
    assert price == len(about_one) == 5
