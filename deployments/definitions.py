"""The YAML files read, checked against each other, and every mistake in them told at once.

Nothing is contacted here: what the vendors think of a definition is the pipeline's check.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from deployments.mistakes import Mistake, Page, in_words, nearest, read_page
from deployments.trouble import DefinitionsError, UsageTrouble
from pipelines.definition import SyncDefinition
from pipelines.kinds import KINDS, Kind
from pipelines.settings import Connections, MissingSecretError, Settings

EARLIEST_ZONE = timedelta(hours=14)  # Kiritimati: where each day begins first


class UnknownSyncError(UsageTrouble):
    """No file defines the sync that was asked for."""


@dataclass(frozen=True)
class Defined:
    """One sync and where it was read."""

    definition: SyncDefinition
    page: Page


@dataclass(frozen=True)
class Definitions:
    """All that could be read. `mistakes` may concern some files only: ask `get` for one sync.

    `warnings` stop nothing: an alert that cannot be sent is no reason to leave contacts unsynced.
    """

    syncs: dict[str, Defined]
    connections: Connections
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]
    connections_file: Path

    def get(self, name: str) -> SyncDefinition:
        """The definition of that name. A mistake in another sync's file does not stop this one."""
        if name in self.syncs:
            files = {self.syncs[name].page.file, self.connections_file}
            mine = [mistake for mistake in self.mistakes if mistake.file in files]
            if mine:
                raise DefinitionsError(sorted(mine))
            return self.syncs[name].definition
        read = {one.page.file for one in self.syncs.values()} | {self.connections_file}
        unread = [mistake for mistake in self.mistakes if mistake.file not in read]
        if unread:
            # The file meant may be one of those that could not be read.
            raise DefinitionsError(unread)
        raise UnknownSyncError(f"no sync is called {name}" + nearest(name, list(self.syncs)))

    def all(self) -> list[SyncDefinition]:
        """Every definition, by name; raises when any file has a mistake."""
        if self.mistakes:
            raise DefinitionsError(self.mistakes)
        return [self.syncs[name].definition for name in sorted(self.syncs)]


def load(settings: Settings, *, with_secrets: bool = True, are_needed: bool = True) -> Definitions:
    """Read every file. `with_secrets=False` for commands that contact nobody; where secrets are not
    needed, those that are not set are warnings."""
    page, connections, mistakes = _read_connections(settings.connections)
    syncs, more = _read_syncs(settings.syncs)
    mistakes += more
    for defined in syncs:
        mistakes += _unknown_connections(defined, connections, page)
        mistakes += _future_consents(defined)
    warnings: list[Mistake] = []
    if with_secrets:
        unset = _unset_secrets(syncs, connections, page, settings)
        (mistakes if are_needed else warnings).extend(unset)
        warnings += _unset_alerts(syncs, settings)
    return Definitions(
        syncs={one.definition.name: one for one in syncs},
        connections=connections,
        mistakes=tuple(sorted(set(mistakes))),
        warnings=tuple(warnings),
        connections_file=settings.connections,
    )


@cache
def sync_schema() -> dict[str, Any]:
    """The JSON schema of a definition of any kind, for editors."""
    kinds = tuple(KINDS.values())
    schema = _schema_of(kinds[0]) if len(kinds) == 1 else _schema_of_all(kinds)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | schema | {"title": "Syncline sync"}


@cache
def _schema_of(kind: Kind) -> dict[str, Any]:
    return kind.definition.model_json_schema()


def _schema_of_all(kinds: tuple[Kind, ...]) -> dict[str, Any]:
    """One of them, told by `kind`: what an editor then knows is that kind's keys alone."""
    adapter: TypeAdapter[Any] = TypeAdapter(reduce(or_, (kind.definition for kind in kinds)))
    return adapter.json_schema()


@cache
def connections_schema() -> dict[str, Any]:
    """The JSON schema of connections.yaml, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return head | _connections_adapter().json_schema() | {"title": "Syncline connections"}


@cache
def _connections_adapter() -> TypeAdapter[Connections]:
    return TypeAdapter(Connections)


def _read_connections(file: Path) -> tuple[Page, Connections, list[Mistake]]:
    page, mistakes = read_page(file)
    if page.values is None:
        return page, {}, mistakes
    try:
        return page, _connections_adapter().validate_python(page.values), mistakes
    except ValidationError as error:
        schema = _connections_adapter().json_schema()
        return page, {}, mistakes + in_words(page, error.errors(), schema)


def _read_syncs(folder: Path) -> tuple[list[Defined], list[Mistake]]:
    """Every sync of the folder that can be understood."""
    if not folder.is_dir():
        return [], [Mistake(folder, 1, "", "no such folder; name it with --syncs")]
    defined: list[Defined] = []
    mistakes: list[Mistake] = []
    for file in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        page, found = read_page(file)
        definition, more = _definition(page)
        mistakes += [*found, *more]
        if definition is not None:
            for other in defined:
                if other.definition.name == definition.name:
                    mistakes += list(_name_taken(definition.name, other.page, page))
            defined.append(Defined(definition, page))
    return defined, mistakes


def _definition(page: Page) -> tuple[SyncDefinition | None, list[Mistake]]:
    if page.values is None:
        return None, []
    kind = page.values.get("kind")
    if kind not in KINDS:
        said = "`kind` is missing" if kind is None else f"unknown kind `{kind}`"
        return None, [page.mistake(("kind",), said + nearest(str(kind), list(KINDS)))]
    try:
        return KINDS[kind].definition.model_validate(page.values), []
    except ValidationError as error:
        return None, in_words(page, error.errors(), _schema_of(KINDS[kind]))


def _name_taken(name: str, first: Page, second: Page) -> Iterator[Mistake]:
    for here, there in ((first, second), (second, first)):
        other = f"{there.file.name}:{there.line_of(('name',))}"
        yield here.mistake(("name",), f"`{name}` is also the name of the sync in {other}")


def _unknown_connections(
    defined: Defined, connections: Connections, page: Page
) -> Iterator[Mistake]:
    if page.values is None or (page.values and not connections):
        return  # the file itself has mistakes, and they are told already
    definition = defined.definition
    for side, vendor in KINDS[definition.kind].vendors.items():
        name = getattr(definition.connections, side)
        fitting = [known for known, one in connections.items() if one.vendor == vendor]
        if name not in connections:
            said = f"no connection is called `{name}`" + nearest(name, fitting)
            yield defined.page.mistake(("connections", side), said)
        elif name not in fitting:
            said = f"`{name}` is {connections[name].vendor}, and {side} is {vendor}"
            yield defined.page.mistake(("connections", side), said + nearest(name, fitting))


def _future_consents(defined: Defined) -> Iterator[Mistake]:
    """Nobody has confirmed anything on a day that has begun nowhere on earth."""
    today = (datetime.now(UTC) + EARLIEST_ZONE).date()
    for part in defined.definition.parts:
        if part.consent is not None and part.consent.on > today:
            said = f"{part.consent.on} is in the future: give the day the consent was confirmed on"
            yield defined.page.mistake((*part.place, "consent", "on"), said)


def _unset_secrets(
    syncs: list[Defined], connections: Connections, page: Page, settings: Settings
) -> Iterator[Mistake]:
    """Only for connections that some sync uses: an account kept for later may lack its secret."""
    sides = [one.definition.connections for one in syncs]
    used = {name for side in sides for name in (side.crm, side.engagement)}
    for name in sorted(used & connections.keys()):
        connection = connections[name]
        for below, secret in connection.secret_names().items():
            yield from _unset(page, (name, "secret", *below), secret, settings)
        if connection.is_by_oauth:
            yield from _unset_key(page, (name, "secret", "oauth"), settings)


def _unset_alerts(syncs: list[Defined], settings: Settings) -> Iterator[Mistake]:
    for one in syncs:
        if one.definition.alert:
            secret = one.definition.alert.webhook
            yield from _unset(one.page, ("alert", "webhook"), secret, settings)


def _unset(page: Page, place: tuple[str, ...], name: str, settings: Settings) -> Iterator[Mistake]:
    try:
        settings.secret(name)
    except MissingSecretError as error:
        yield page.mistake(place, str(error))


def _unset_key(page: Page, place: tuple[str, ...], settings: Settings) -> Iterator[Mistake]:
    try:
        settings.key()
    except MissingSecretError as error:
        yield page.mistake(place, str(error))
