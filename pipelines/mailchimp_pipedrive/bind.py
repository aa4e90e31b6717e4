"""Tie the names of every flow to the accounts' own ids, and say what does not fit.

Unknown and ambiguous names are mistakes, told all at once. What was pinned and is gone is no
mistake: it pauses the flow that cannot go on without it (`BoundFlow.problem`), and only that one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pipelines.mailchimp_pipedrive.config import (
    DealStage,
    Definition,
    Filters,
    Flow,
    Rule,
    SegmentsOrTags,
    filter_name,
)
from pipelines.mailchimp_pipedrive.mapping import Side, misfit, required_and_unmapped
from pipelines.names import Candidate, Names, Pin, candidates, fitting
from pipelines.pipedrive_side import filters
from pipelines.pipedrive_side.filters import Terms, terms_of
from pipelines.pipedrive_side.names import filter_problem, stage_id
from pipelines.pipedrive_side.selection import NewFilter
from pipelines.report import Finding

STATIC = "static"  # how Mailchimp calls the kind of segment that a tag is
# Fields every account has, whether the vendor lists them or not.
ALWAYS_THERE = {"name": "Name", "first_name": "First name", "last_name": "Last name"}


class Account(NamedTuple):
    """What both accounts answered about themselves; names are looked up in it.

    Merge fields and segments are those of the audiences that some flow names, by audience.
    """

    users: list[dict[str, Any]]
    filters: list[dict[str, Any]]
    pipelines: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    person_fields: list[dict[str, Any]]
    organization_fields: list[dict[str, Any]]
    audiences: list[dict[str, Any]]
    merge_fields: Mapping[str, list[dict[str, Any]]]
    segments: Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class BoundField:
    """One pair of fields, as both vendors call them now."""

    field_code: str
    field_type: str
    merge_id: int
    merge_tag: str
    merge_type: str
    rule: Rule  # who wins where both changed


@dataclass(frozen=True)
class BoundFlow:
    """A flow with ids in place of names. `problem` says why it cannot go on; '' when it can.

    `is_over`: nothing it could ever match is left, so that only a person may start it again.
    """

    flow: Flow
    list_id: str
    fields: tuple[BoundField, ...] = ()
    segment_ids: tuple[int, ...] = ()
    filter_ids: tuple[int, ...] = ()
    stage_id: int | None = None
    new_filters: tuple[Terms, ...] = ()  # still to be made
    problem: str = ""
    is_over: bool = False


@dataclass(frozen=True)
class Bound:
    """A definition bound to ids; `findings` holds every mistake (level error)."""

    flows: tuple[BoundFlow, ...]
    pins: tuple[Pin, ...]
    findings: tuple[Finding, ...]
    audiences: tuple[str, ...] = ()  # of the whole account

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The audiences that no flow is about: who left them is barred all the same."""
        return tuple(one for one in self.audiences if one not in self.list_ids)

    @property
    def list_ids(self) -> tuple[str, ...]:
        """The audiences that some flow is about, each once."""
        return tuple(dict.fromkeys(one.list_id for one in self.flows if one.list_id))


def bind(definition: Definition, account: Account, pinned: Mapping[tuple[str, str], Pin]) -> Bound:
    """Bind every flow, active or not: a mistake should be told before somebody activates it."""
    names = Names(pinned)
    if not account.audiences:
        names.error(
            "audience", "the Mailchimp account has no audience",
            "make one in Mailchimp; a flow needs an audience to bring people from or to",
        )  # fmt: skip
    flows = tuple(_bind_flow(definition, flow, account, names) for flow in definition.flows)
    audiences = tuple(str(one["id"]) for one in account.audiences)
    return Bound(flows, tuple(names.pins), tuple(names.findings), audiences)


def _bind_flow(definition: Definition, flow: Flow, account: Account, names: Names) -> BoundFlow:
    where = f"flow {flow.id}"
    list_id, is_there = names.find(
        "audience", flow.audience, candidates(account.audiences, "name"), where=where
    )
    if list_id is None:
        return BoundFlow(flow, "")
    if not is_there:
        return BoundFlow(flow, list_id, problem="its Mailchimp audience no longer exists")
    fields, lost = _bind_fields(definition, flow, list_id, account, names)
    bound = BoundFlow(flow, list_id, fields)
    match flow.trigger:
        case SegmentsOrTags():
            bound = _with_segments(bound, flow.trigger, account, names)
        case Filters():
            bound = _with_filters(bound, flow.trigger, account, names)
        case DealStage(pipeline=pipeline, stage=stage):
            found = stage_id((pipeline, stage), account.pipelines, account.stages, names, where)
            bound = replace(bound, stage_id=found)
    return replace(bound, problem=lost or bound.problem)


def _bind_fields(
    definition: Definition, flow: Flow, list_id: str, account: Account, names: Names
) -> tuple[tuple[BoundField, ...], str]:
    """Return (the pairs of a flow, why it cannot go on if one side of a pair is gone)."""
    crm = _crm_fields(account)
    engagement = {str(one["merge_id"]): one for one in account.merge_fields[list_id]}
    where, found, lost = f"flow {flow.id}, mapping", [], ""
    for name, tag in flow.mapping.items():
        code, has_field = names.find(
            "person field", name, [Candidate(c, label) for c, (label, _) in crm.items()],
            where=where,
        )  # fmt: skip
        merge_id, has_tag = names.find(
            f"merge field of {list_id}", tag,
            [Candidate(one, str(field["tag"])) for one, field in engagement.items()], where=where,
        )  # fmt: skip
        if code is None or merge_id is None:
            continue
        if not has_field or not has_tag:
            gone = f"Pipedrive field {name!r}" if not has_field else f"merge field {tag!r}"
            lost = f"the {gone} it maps no longer exists"
            continue
        label, field_type = crm[code]
        merge = engagement[merge_id]
        merge_type = str(merge["type"])
        said = misfit(
            Side(label, field_type), Side(str(merge["tag"]), merge_type),
            is_into_crm=flow.is_into_crm,
        )  # fmt: skip
        if said:
            names.error(where, said, "map it to another field, or take it out of the mapping")
            continue
        rule = definition.conflicts.get(name, "last_writer")
        found.append(
            BoundField(code, field_type, int(merge_id), str(merge["tag"]), merge_type, rule)
        )
    if not flow.is_into_crm:
        _require(flow, {one.merge_tag for one in found}, account.merge_fields[list_id], names)
    return tuple(found), lost


def _crm_fields(account: Account) -> dict[str, tuple[str, str]]:
    """Code -> (label, type) of the persons' fields that may be mapped."""
    found = {code: (label, "varchar") for code, label in ALWAYS_THERE.items()}
    for field in account.person_fields:
        code = str(field["field_code"])
        if code not in ALWAYS_THERE:
            found[code] = (str(field["field_name"]), str(field["field_type"]))
    return found


def _require(
    flow: Flow, mapped: set[str], merge_fields: list[dict[str, Any]], names: Names
) -> None:
    for tag in required_and_unmapped(merge_fields, mapped):
        names.error(
            f"flow {flow.id}, mapping",
            f"the audience requires the merge field {tag!r} of every contact, and nothing fills it",
            f"map a Pipedrive field to {tag}, or make it optional in Mailchimp",
        )


def _with_segments(
    bound: BoundFlow, trigger: SegmentsOrTags, account: Account, names: Names
) -> BoundFlow:
    """Any of them matches; only when all are gone the flow cannot go on (MC-07)."""
    listed = account.segments[bound.list_id]
    there: list[int] = []
    gone: list[str] = []
    where = f"flow {bound.flow.id}"
    tags = candidates([one for one in listed if one["type"] == STATIC], "name")
    segments = candidates([one for one in listed if one["type"] != STATIC], "name")
    for noun, wanted, these, other, others in (
        ("segment", trigger.segments, segments, "tag", tags),
        ("tag", trigger.tags, tags, "segment", segments),
    ):
        for name in wanted:
            kind = f"{noun} of {bound.list_id}"
            is_known = (kind, str(name)) in names.pinned or fitting(name, these)
            if not is_known and fitting(name, others):
                names.error(
                    where, f"there is no {noun} {name!r}",
                    f"it is a {other}: write {other}s: [{name}]",
                )  # fmt: skip
                continue
            found, is_there = names.find(kind, name, these, where=where)
            if found is not None:
                there += [int(found)] if is_there else []
                gone += [] if is_there else [f"{noun} {name!r}"]
    _tell_gone(bound, gone, names, has_left=bool(there))
    return replace(
        bound, segment_ids=tuple(there), is_over=bool(gone) and not there,
        problem="all its segments and tags were deleted in Mailchimp" if gone and not there else "",
    )  # fmt: skip


def _with_filters(bound: BoundFlow, trigger: Filters, account: Account, names: Names) -> BoundFlow:
    """Any of them matches; only when all are gone the flow cannot go on (MC-12)."""
    people = [f for f in account.filters if f.get("type") == "people"]
    by_id = {str(f["id"]): f for f in account.filters}
    there: list[int] = []
    problems: dict[str, str] = {}
    new: list[Terms] = []
    where = f"flow {bound.flow.id}"
    is_over = True  # one that is inactive may come back; of one that was deleted nothing does
    for one in trigger.filters:
        if isinstance(one, NewFilter) and not names.is_known("filter", one.name, people):
            fields = filters.Fields(
                account.person_fields, account.organization_fields, account.users
            )
            terms = terms_of(one, fields, names, where)
            new += [terms] if terms else []
            continue
        name = filter_name(one)
        found, _ = names.find("filter", name, candidates(people, "name"), where=where)
        if found is not None and (problem := filter_problem(by_id.get(found))):
            problems[f"filter {name!r}"] = problem
            is_over = is_over and found not in by_id
        elif found is not None:
            there.append(int(found))
    has_left = bool(there or new)
    _tell_gone(bound, list(problems), names, has_left=has_left)
    if has_left or not problems:
        return replace(bound, filter_ids=tuple(there), new_filters=tuple(new))
    said = "; ".join(problems.values()) if len(problems) == 1 else "none of its filters is left"
    return replace(bound, problem=said, is_over=is_over)


def _tell_gone(bound: BoundFlow, gone: list[str], names: Names, *, has_left: bool) -> None:
    for thing in gone if has_left else ():
        names.warn(
            f"flow {bound.flow.id}", f"its {thing} is gone: it goes on with the others",
            "take it out of the definition to silence this",
        )  # fmt: skip


def pins_by_side(pins: tuple[Pin, ...]) -> Iterator[tuple[str, Pin]]:
    """Each pin with the side whose account it belongs to."""
    for pin in pins:
        is_engagement = pin.kind == "audience" or pin.kind.split(" of ")[0] in (
            "merge field", "segment", "tag",
        )  # fmt: skip
        yield ("engagement" if is_engagement else "crm"), pin
