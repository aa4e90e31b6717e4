"""What an operator may say about one sync between Mailchimp audiences and Pipedrive.

flows:
  - id: customers
    active: true
    trigger: {filters: [Customers EU]}
    audience: Newsletter
    mapping: {first_name: FNAME, last_name: LNAME, job_title: JOB}
    tag: From Pipedrive
    consent: {confirmed_by: ann@acme.example, on: 2026-11-01}

A flow has one trigger, and the trigger has a direction: segments, tags and new contacts bring
people to Pipedrive; filters and deal stages bring them to Mailchimp. Two ways are two flows.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from pipelines import definition
from pipelines.definition import (
    Consent,
    NameOrId,
    Part,
    Schedule,
    Scheduled,
    Slug,
    SyncDefinition,
    Text,
    refuse_twins,
)
from pipelines.pipedrive_side.selection import Filter, NewFilter
from pipelines.settings import Strict

Rule = Literal["crm", "engagement", "last_writer"]
EMAIL, EMAIL_TAG = "email", "EMAIL"
NAME_PARTS = frozenset({"first_name", "last_name"})


class Connections(definition.Connections):
    """Names of entries in connections.yaml."""

    crm: Text = Field(description="The Pipedrive account.")
    engagement: Text = Field(description="The Mailchimp account.")


class SegmentsOrTags(Strict):
    """Trigger A: members of any of these segments or tags come to Pipedrive (MC-04)."""

    segments: tuple[NameOrId, ...] = Field((), description="Segments of the audience.")
    tags: tuple[NameOrId, ...] = Field((), description="Tags of the audience.")

    @model_validator(mode="after")
    def names_something_once(self) -> Self:
        if not self.segments and not self.tags:
            raise ValueError("name at least one segment or tag")
        _refuse_twice("segment", self.segments)
        _refuse_twice("tag", self.tags)
        return self


class NewContacts(Strict):
    """Trigger B: who joins the audience after activation comes to Pipedrive once (MC-08)."""

    new_contacts: Literal[True] = Field(description="true: contacts added after activation.")


class Filters(Strict):
    """Trigger C: persons of any of these filters come to Mailchimp (MC-09)."""

    filters: tuple[Filter, ...] = Field(
        min_length=1, description="Filters by name or id, or ones to be made."
    )

    @field_validator("filters")
    @classmethod
    def are_named_once(cls, filters: tuple[NameOrId | NewFilter, ...]) -> tuple[Any, ...]:
        _refuse_twice("filter", [filter_name(one) for one in filters])
        return filters


class DealStage(Strict):
    """Trigger D: the person of a deal that reaches a stage comes to Mailchimp (MC-14)."""

    pipeline: NameOrId = Field(description="Pipeline by name or id.")
    stage: NameOrId = Field(description="Stage of that pipeline by name or id.")


_TRIGGERS = {
    "segments or tags": (SegmentsOrTags, ("segments", "tags")),
    "new contacts": (NewContacts, ("new_contacts",)),
    "filters of Pipedrive": (Filters, ("filters",)),
    "a deal stage": (DealStage, ("pipeline", "stage")),
}
WORDS = tuple(word for _, words in _TRIGGERS.values() for word in words)
# With a blank none can be mistaken for a key where the place of a mistake is told.
TAGS = tuple(_TRIGGERS)


def _kind_of_trigger(value: Any) -> str | None:
    """The one kind whose words are used; None, which is refused, for none or for several."""
    if not isinstance(value, dict):
        return next((tag for tag, (kind, _) in _TRIGGERS.items() if isinstance(value, kind)), None)
    used = {tag for tag, (_, words) in _TRIGGERS.items() if set(words) & value.keys()}
    return used.pop() if len(used) == 1 else None


Trigger = Annotated[
    Annotated[SegmentsOrTags, Tag("segments or tags")]
    | Annotated[NewContacts, Tag("new contacts")]
    | Annotated[Filters, Tag("filters of Pipedrive")]
    | Annotated[DealStage, Tag("a deal stage")],
    Discriminator(
        _kind_of_trigger,
        custom_error_type="one_trigger",
        custom_error_message=f"a flow has exactly one trigger; its words are {', '.join(WORDS)}",
    ),
]


class Flow(Strict):
    """One trigger, one direction, one audience, a mapping of its own (MC-02)."""

    id: Slug = Field(description="Names the flow for good: a new id is a new flow.")
    active: bool = Field(False, description="A saved flow syncs nothing until it is active.")
    trigger: Trigger = Field(description="What brings people across, and which way.")
    audience: NameOrId = Field(description="The Mailchimp audience, by name or id.")
    mapping: dict[Text, Text] = Field(
        {}, description="Pipedrive field (name or key) to merge tag; e-mail always is mapped."
    )
    tag: Text | None = Field(None, description="A Mailchimp tag for everybody synced there.")
    consent: Consent | None = Field(
        None, description="Who confirmed that contacts are created as subscribed, and when."
    )
    schedule: Schedule | None = Field(None, description="Its own, instead of the sync's.")

    @property
    def is_into_crm(self) -> bool:
        """Whether people are brought to Pipedrive."""
        return isinstance(self.trigger, SegmentsOrTags | NewContacts)

    @field_validator("mapping")
    @classmethod
    def map_each_field_once(cls, mapping: dict[str, str]) -> dict[str, str]:
        for noun, names in (
            ("Pipedrive field", [name.casefold() for name in mapping]),
            ("merge tag", [tag.upper() for tag in mapping.values()]),
        ):
            _refuse_twice(noun, names)
        for name, tag in mapping.items():
            if (name.casefold() == EMAIL) != (tag.upper() == EMAIL_TAG):
                raise ValueError(
                    f"`{name}: {tag}`: the e-mail address is mapped to EMAIL and nothing else"
                )
        if "name" in mapping and NAME_PARTS & mapping.keys():
            raise ValueError(
                "`name` and its parts are one value in Pipedrive: map `name`, or "
                "`first_name` and `last_name`"
            )
        return {n: tag.upper() for n, tag in mapping.items() if n.casefold() != EMAIL}

    @model_validator(mode="after")
    def ask_for_what_its_direction_needs(self) -> Self:
        if self.is_into_crm:
            if self.tag is not None:
                raise ValueError("`tag` belongs to flows into Mailchimp: filters, or a deal stage")
        elif self.consent is None:
            raise ValueError(
                "`consent` is missing: this flow creates subscribed contacts in Mailchimp, so "
                "say who confirmed that they agreed, and when"
            )
        return self


class Definition(SyncDefinition):
    """One sync: one Mailchimp account, one Pipedrive account, any number of flows."""

    kind: Literal["mailchimp_pipedrive"] = Field(description="Picks the flow.")
    connections: Connections
    conflicts: dict[Text, Rule] = Field(
        {},
        description="Who wins, by Pipedrive field, where both sides changed; default last_writer.",
    )
    flows: tuple[Flow, ...] = Field((), description="Without an active flow nothing is synced.")

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(_part(index, flow) for index, flow in enumerate(self.flows))

    @property
    def scheduled(self) -> tuple[Scheduled, ...]:
        return tuple(
            Scheduled(self.name, flow.id, flow.schedule or self.schedule) for flow in self.flows
        )

    @property
    def purpose(self) -> str:
        names = self.connections
        audiences = ", ".join(dict.fromkeys(str(flow.audience) for flow in self.flows)) or "none"
        return (
            f"Keeps Mailchimp audiences (**{audiences}**, {names.engagement}) in step with "
            f"Pipedrive ({names.crm})"
        )

    @model_validator(mode="after")
    def flow_ids_are_unique(self) -> Self:
        refuse_twins("flow", [flow.id for flow in self.flows])
        return self

    @model_validator(mode="after")
    def new_filters_of_one_name_are_one(self) -> Self:
        described: dict[str, NewFilter] = {}
        for flow in self.flows:
            for one in flow.trigger.filters if isinstance(flow.trigger, Filters) else ():
                if isinstance(one, NewFilter) and described.setdefault(one.name, one) != one:
                    raise ValueError(f"two flows describe the filter {one.name!r} differently")
        return self

    @model_validator(mode="after")
    def conflicts_are_about_mapped_fields(self) -> Self:
        mapped = {name for flow in self.flows for name in flow.mapping}
        unknown = sorted(set(self.conflicts) - mapped)
        if unknown:
            raise ValueError(f"`conflicts` names {unknown[0]}, which no flow maps")
        return self


def _part(index: int, flow: Flow) -> Part:
    """What the list of syncs and the page of a deployment say of a flow."""
    match flow.trigger:
        case SegmentsOrTags(segments=segments, tags=tags):
            selection = ", ".join(
                [*(f"segment {one}" for one in segments), *(f"tag {one}" for one in tags)]
            )
        case NewContacts():
            selection = "new contacts"
        case Filters(filters=filters):
            selection = ", ".join(f"filter {filter_name(one)}" for one in filters)
        case DealStage(pipeline=pipeline, stage=stage):
            selection = f"deals reaching {stage} of {pipeline}"
    way = "to Pipedrive" if flow.is_into_crm else "to Mailchimp"
    actions = [f"{len(flow.mapping) + 1} fields {way}"]
    actions += [f"tag {flow.tag}"] if flow.tag else []
    return Part(
        id=flow.id, selection=selection, actions=", ".join(actions),
        described=f"{selection} of audience {flow.audience}, {', '.join(actions)}",
        consent=flow.consent, place=("flows", index), is_on=flow.active,
    )  # fmt: skip


def filter_name(one: NameOrId | NewFilter) -> NameOrId:
    """What a filter is called, whether it exists or is to be made."""
    return one.name if isinstance(one, NewFilter) else one


def _refuse_twice(noun: str, names: Any) -> None:
    said = [str(name) for name in names]
    twice = sorted({name for name in said if said.count(name) > 1})
    if twice:
        raise ValueError(f"the {noun} {twice[0]} is named twice")
