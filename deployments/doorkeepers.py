"""Who is listened for: the syncs that `listen` named, or every one that a file lists by now.

Each has a lease of the listener's own and a path at which its webhook rings. They come and go
while the port is open: the loop's thread opens for syncs that were added, and the receiver's
looks up whom a delivery is for.
"""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import httpx

from deployments.definitions import Definitions, UnknownSyncError, load
from deployments.reach import is_out_of_reach
from deployments.running import is_recorded, run_here, run_recorded
from deployments.timing import least_wake
from deployments.trouble import DefinitionsError, OperatorError
from deployments.windows_told import WindowsTold
from pipelines.definition import SyncDefinition
from pipelines.doors import Windows
from pipelines.kinds import KINDS
from pipelines.left_over import ANSWERED
from pipelines.listening import (
    NOT_SEEN,
    Bell,
    Files,
    Listening,
    NoWebhookSecretError,
    Reading,
    Rope,
)
from pipelines.report import Outcome, RunOptions
from pipelines.run import EXPECTED
from pipelines.settings import Connections, MissingSecretError, Settings
from state import lease
from state.database import State
from state.doors import listener_name
from state.errors import LeaseHeld, StateTrouble
from web.listen import Woken
from web.receiver import Source
from web.windows import Ending

HELD_AGAIN_S = 60.0  # how often an added sync is tried that another listener still holds


class ListenError(OperatorError):
    """Nobody listens now; the sentence says why."""


class DeafError(Exception):
    """Whoever rings would ring at a machine of their own."""


@dataclass
class Doorkeeper(Listening):
    """A sync that is listened for, and how it is run when somebody rings."""

    held: ExitStack = field(default_factory=ExitStack)
    told: WindowsTold | None = None  # where a Prefect server is configured
    _warm: tuple[object, Windows] | None = None

    @property
    def is_prompt(self) -> bool:
        """Whether it is woken for those alone who are named, and so at once."""
        return KINDS[self.definition.kind].doors.warm is not None

    @property
    def is_waited_for(self) -> bool:
        """A window takes no more than MOST_NAMED, and may have to name somebody again."""
        return self.is_prompt and not self._named.empty()

    @property
    def sources(self) -> list[Source]:
        return [
            Source(self.name, account, partial(self.is_signed, account))
            for account in self.accounts
        ]

    def close(self) -> None:
        if self._warm is not None:
            self._warm[1].close()
        self.held.close()

    def obstacle(self) -> str:
        """A window goes on beside a run, and where one waits for its approval."""
        is_window = self.is_prompt and not self._is_missed and not self._named.empty()
        return "" if is_window else super().obstacle()

    def run(self) -> Woken:
        """Carry across whom deliveries named; the whole sync where some may be lost, or where
        its kind has no windows."""
        if not self.is_prompt:
            return self._sweep()
        if self.is_owed_a_run and not super().obstacle():
            self.take_named()  # a sweep that begins now reads all of them
            return self._sweep()
        named = self.take_named()
        if not named:
            return Woken("answered", "")
        outcome = self._windows().window(named)
        if self.told is not None:
            self.told.tell(self.definition.kind, outcome)
        for one in outcome.again:
            self._named.put(one)
        if outcome.outcome in ("done", "open"):
            return Woken("answered", _line(outcome))
        self.missed()
        return Woken("failed", _line(outcome))

    def _windows(self) -> Windows:
        """Kept from one to the next, as long as the files say the same."""
        said = (self.definition, self.connections)
        if self._warm is None or self._warm[0] != said:
            warm = KINDS[self.definition.kind].doors.warm
            assert warm is not None
            if self._warm is not None:
                self._warm[1].close()
            self._warm = (said, warm(*said, self.settings))
        return self._warm[1]

    def _sweep(self) -> Woken:
        """Run the sync as a schedule would: the files are read anew, Prefect records it if there.

        A server that is down, a file with a mistake, a vendor out of reach: rung for again later.
        """
        self.is_owed_a_run = False  # what is found lost from here on is for a run after this one
        try:
            outcome = self._run()
        except (OperatorError, *EXPECTED, httpx.HTTPError) as error:
            self.missed()
            first = next(iter(str(error).splitlines()), type(error).__name__)
            return Woken("failed", f"not run: {first}")
        return Woken(_ending(outcome), _line(outcome))

    def _run(self) -> Outcome:
        if is_recorded(self.settings):
            return run_recorded(self.settings, self.definition, RunOptions())
        definitions = load(self.settings)
        definition = definitions.get(self.name)
        connections = definitions.connections
        return run_here(self.settings, definition, connections, RunOptions(), lambda _: None)


@dataclass
class Doorkeepers:
    """Everybody who is listened for. `at` is the open port, `public` how vendors reach it; with
    `are_all` syncs that are added to the folder are taken up. Whom it opened for, `held` closes."""

    settings: Settings
    state: State
    at: str
    public: str
    wake_after: float
    say: Callable[[str], object]
    held: ExitStack
    are_all: bool = False
    told: WindowsTold | None = None
    seconds: Callable[[], float] = time.monotonic
    # Replaced, never changed: the receiver's thread may be reading it.
    _kept: Mapping[str, Doorkeeper] = field(default_factory=dict)
    _looked_at: object = None
    _look_again_at: float = 0.0
    _said: dict[str, str] = field(default_factory=dict)

    def open(self, definition: SyncDefinition, connections: Connections) -> Doorkeeper:
        """Listen for a sync from now on. ListenError: somebody else does."""
        name = definition.name
        ropes = [
            Rope(bell, bell.secret_of(definition, connections, self.settings))
            for bell in _bells_of(definition)
        ]
        try:
            held = lease.acquire(
                self.state, listener_name(name), run_id=f"listen-{uuid4().hex[:6]}"
            )
        except LeaseHeld as error:
            raise ListenError(
                f"somebody listens for {name} already: process {error.pid} on {error.host}. "
                "End that one first"
            ) from error
        keeper = Doorkeeper(
            definition, connections, self.settings, self.state, held, ropes, say=self.say,
            told=self.told, address_of=lambda account: self.public + _path(name, account),
            files=Reading(
                lambda: stamp_of(self.settings), lambda: read_files(self.settings, name)
            ),
        )  # fmt: skip
        keeper.held.enter_context(lease.keeping(held))
        self.held.callback(keeper.close)
        self._kept = {**self._kept, name: keeper}
        return keeper

    def introduce(self, keeper: Doorkeeper) -> None:
        """Say where a sync is listened for, and how seldom it can be woken if that is seldom."""
        for source in keeper.sources:
            path = source.path
            self.say(f"{keeper.name}: listening on {self.at}{path} for {self.public}{path}")
        if (least := self.least_wake(keeper.name)) > self.wake_after:
            often = f"{least / 60:.0f} minutes" if least >= 120 else f"{least:.0f} seconds"
            self.say(f"{keeper.name}: woken at most every {often}: its schedule leaves no more of "
                     "our share; raise quota_share, or lengthen the schedule")  # fmt: skip

    def find(self, path: str) -> Source | None:
        """Whose deliveries come to that path; asked by the receiver's thread."""
        sources = (
            source for one in self._kept.values() if not one.is_gone for source in one.sources
        )
        return next((source for source in sources if source.path == path), None)

    def is_prompt(self, sync: str) -> bool:
        return self._kept[sync].is_prompt

    def least_wake(self, sync: str) -> float:
        """Least seconds between two wakes of a sync, by what its files say now."""
        keeper = self._kept[sync]
        return least_wake(self.settings, keeper.definition, keeper.connections)

    def added(self, names: Collection[str]) -> list[Doorkeeper]:
        """Open for syncs that files list by now and that are not among `names`; cheap while no
        file changes. What stands in the way is said once, and looked at again after an edit."""
        if not self.are_all:
            return []
        now, look = self.seconds(), (stamp_of(self.settings), frozenset(names))
        if look == self._looked_at and now < self._look_again_at:
            return []
        self._looked_at, self._look_again_at = look, float("inf")
        definitions = load(self.settings, with_secrets=False)
        self._tell_unread(definitions, names)
        found = []
        for name in sorted(definitions.syncs.keys() - set(names)):
            try:
                keeper = self._open_for_added(definitions, name)
            except (DefinitionsError, DeafError) as error:
                self._say_once(name, f"not listened for: {str(error).splitlines()[0]}")
            except (MissingSecretError, NoWebhookSecretError) as error:
                self._say_once(name, f"not listened for: {error}. {NOT_SEEN}")
            except (ListenError, StateTrouble) as error:
                self._look_again_at = now + HELD_AGAIN_S
                why = str(error) if isinstance(error, ListenError) else type(error).__name__
                self._say_once(name, f"not listened for yet, tried again in a minute: {why}")
            else:
                self._said.pop(name, None)
                self.introduce(keeper)
                found.append(keeper)
        return found

    def _open_for_added(self, definitions: Definitions, name: str) -> Doorkeeper:
        definition = definitions.get(name)
        refuse_deaf(definition, definitions.connections, self.settings, self.public)
        return self.open(definition, definitions.connections)

    def _tell_unread(self, definitions: Definitions, names: Collection[str]) -> None:
        """Say of a file nobody can read that its sync waits. While one of those who are listened
        for is missing it is probably theirs, and they say so themselves."""
        if set(names) - definitions.syncs.keys():
            return
        read = {one.page.file for one in definitions.syncs.values()}
        for mistake in definitions.mistakes:
            if mistake.file not in read | {definitions.connections_file}:
                self._say_once(mistake.file.name, f"its sync is not listened for: {mistake}")

    def _say_once(self, about: str, line: str) -> None:
        if line != self._said.get(about):
            self._said[about] = line
            self.say(f"{about}: {line}")


def refuse_deaf(
    definition: SyncDefinition, connections: Connections, settings: Settings, public_url: str
) -> None:
    """Refuse to open a door nobody can knock at, or at which nobody could be told apart.

    MissingSecretError, NoWebhookSecretError; or DeafError.
    """
    for bell in _bells_of(definition):
        bell.secret_of(definition, connections, settings)
        connection = connections[bell.account_of(definition)]
        if is_out_of_reach(connection.base_url, public_url):
            raise DeafError(
                f"{bell.vendor} cannot reach a loopback address. Say where your reverse proxy "
                "takes its requests: --public-url https://hooks.example.com"
            )


def rings(definition: SyncDefinition) -> bool:
    """Whether a vendor of this kind of sync can ring at all."""
    return bool(KINDS[definition.kind].doors.bells)


def accounts_of(definition: SyncDefinition) -> tuple[str, ...]:
    """The accounts that ring for a sync, as its file names them."""
    bells = KINDS[definition.kind].doors.bells
    return tuple(bell.account_of(definition) for bell in bells)


def _bells_of(definition: SyncDefinition) -> tuple[Bell, ...]:
    bells = KINDS[definition.kind].doors.bells
    if not bells:
        raise DeafError(f"no vendor rings for a {definition.kind} sync: its schedule is all it has")
    return bells


def stamp_of(settings: Settings) -> tuple[tuple[str, int, int], ...]:
    """Another value after every edit of a definition or of the connections."""
    found = []
    for file in sorted([*settings.syncs.glob("*.y*ml"), settings.connections]):
        with suppress(OSError):  # gone since it was listed
            stat = file.stat()
            found.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def read_files(settings: Settings, sync: str) -> Files:
    """What the files say of a sync just now; one mistake is told, `check` tells the others."""
    definitions = load(settings, with_secrets=False)
    try:
        definition = definitions.get(sync)
    except UnknownSyncError:
        return Files(None, definitions.connections)
    except DefinitionsError as error:
        return Files(None, {}, str(error).splitlines()[0])
    return Files(definition, definitions.connections)


def _path(sync: str, account: str) -> str:
    return Source(sync, account, lambda *_: False).path


def _ending(outcome: Outcome) -> Ending:
    if outcome.outcome == "skipped":
        return "held"
    return "answered" if outcome.outcome in ANSWERED else "failed"


def _line(outcome: Outcome) -> str:
    return f"{outcome.run_id} {outcome.outcome} in {outcome.seconds:.1f} s: {outcome.said}"
