"""The field selection is edited while bots run (MG-04, MG-05, MG-06)."""

from pipelines.mailigen_pipedrive.config import Definition
from pipelines.mailigen_pipedrive.run import plan_sync
from pipelines.report import PlanReport, RunOptions
from tests.pipelines.mailigen_pipedrive.desk import QUIET, Desk, connections


def planned(desk: Desk) -> PlanReport:
    return plan_sync(
        Definition.model_validate(desk.wanted), connections(desk.url), options=RunOptions(),
        report=lambda _: None, settings=desk.settings,
    )  # fmt: skip


def values(desk: Desk, tag: str) -> dict[str, str]:
    return {m["email"]: str(m["merges"].get(tag) or "") for m in desk.members()}


def var_names(desk: Desk) -> list[str]:
    the_list = next(o["id"] for o in desk.book("mailigen", "lists") if o["name"] == "Newsletter")
    return [v["name"] for v in desk.book("mailigen", "merge_vars") if v["list"] == the_list]


def test_a_field_added_while_bots_run_is_written_for_everybody_at_the_next_run(
    fresh: Desk,
) -> None:
    """MG-06, MG-04: what it costs stands in the plan."""
    fresh.start(QUIET, fields={"person": []})
    fresh.settle()
    assert "Region" not in var_names(fresh)
    fresh.wanted["fields"] = {"person": ["Region"], "organization": ["Address"]}

    report = planned(fresh)
    assert fresh.run().outcome == "done"

    updates = report.totals["members"]["update"]
    assert updates > 10
    assert report.calls["engagement"] >= updates
    assert {"Region", "Organization Address"} <= set(var_names(fresh))
    assert sum(bool(value) for value in values(fresh, "REGION").values()) > 5
    fresh.effects()
    assert fresh.run().outcome == "done"
    assert fresh.effects() == []


def test_a_field_taken_out_keeps_its_value_and_is_written_again_once_it_is_back(
    fresh: Desk,
) -> None:
    """MG-06: the same merge var, no second one."""
    fresh.start(QUIET, fields={"person": ["Region"]})
    fresh.settle()
    before, names = values(fresh, "REGION"), var_names(fresh)
    person, email = fresh.person(on_list=True)
    fresh.wanted["fields"] = {"person": []}
    region = next(
        f["field_code"] for f in fresh.book("pipedrive", "personFields")
        if f["field_name"] == "Region"
    )  # fmt: skip
    fresh.edit(person, custom_fields={region: "The Moon"})

    assert fresh.run().outcome == "done"
    assert values(fresh, "REGION") == before

    fresh.wanted["fields"] = {"person": ["Region"]}
    assert fresh.run().outcome == "done"
    member = fresh.member(email)
    assert member is not None
    assert member["merges"]["REGION"] == "The Moon"
    assert var_names(fresh) == names


def test_saving_a_field_selection_without_bots_syncs_nothing(fresh: Desk) -> None:
    """MG-04"""
    fresh.start(QUIET)
    fresh.wanted["bots"] = []

    outcome = fresh.run()

    assert outcome.outcome == "done"
    assert fresh.effects() == []


def test_a_list_var_of_a_type_that_would_refuse_the_text_is_not_taken(fresh: Desk) -> None:
    """MG-04: another one is made beside it, and nobody is refused for a value."""
    fresh.start(QUIET, fields={"person": ["Contract value"]})
    the_list = next(o["id"] for o in fresh.book("mailigen", "lists") if o["name"] == "Newsletter")
    call(fresh, "listMergeVarAdd", id=the_list, tag="CONTRACT", name="Contract value",
         **{"options[field_type]": "number"})  # fmt: skip

    outcome = fresh.run()

    assert outcome.outcome == "done", outcome.said
    assert var_names(fresh).count("Contract value") == 2
    assert not any(values(fresh, "CONTRACT").values())
    assert any(value.endswith(" EUR") for value in values(fresh, "CONTRACTVA").values())


def call(desk: Desk, method: str, **fields: str) -> None:
    import httpx

    httpx.post(
        f"{desk.url}/mailigen/1.8/", params={"output": "json", "method": method},
        data={"apikey": "sandbox-mailigen-key", **fields}, trust_env=False,
    ).raise_for_status()  # fmt: skip
