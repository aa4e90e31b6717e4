"""Live through one schedule: the script, then runs without faults until nothing is left to do."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import duckdb
from sqlalchemy.exc import SQLAlchemyError

from pipelines.report import Outcome
from sandbox.faults import Fault as Ordered
from sandbox.stage import Stage
from tests.lab.level_b.acts import ACTS, TIER, Scene, cast
from tests.lab.level_b.judge import Cause, Ending, Known, Verdict, judge
from tests.lab.level_b.lab import HORIZON, MOST_DELETES, Found, Lab, Live
from tests.lab.level_b.log import Entry
from tests.lab.level_b.story import Act, Fault, Freeze, Run, Story, Wait

DAY = 86_400.0
MOST_RECOVERIES = 8  # a refused write is tried seven times, a day apart
# What the product never turns into an outcome: a fault of ours, told as what it is.
SURPRISES = (
    duckdb.Error, SQLAlchemyError, LookupError, ValueError, TypeError, AssertionError, RuntimeError,
)  # fmt: skip
Happened = Counter[tuple[str, str, str]]


@dataclass
class Played:
    """What a schedule left behind. `told` is how each run ended; it decides nothing."""

    log: list[Entry]
    told: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # what a run did against the rules
    unrest: list[str] = field(default_factory=list)  # runs that never came to an end of it
    errors: list[str] = field(default_factory=list)  # of ours, the laboratory's or the product's
    boundaries: int = 0
    runs: int = 0
    faults_fired: int = 0
    unreported: list[str] = field(default_factory=list)  # wrong, and the audit is silent
    findings: list[Found] = field(default_factory=list)

    @property
    def objections(self) -> list[str]:
        """All that is wrong with the schedule beside the verdict on its end."""
        return [*self.wrong, *self.unrest, *self.errors]


class Play:
    """One schedule on the stage."""

    def __init__(self, lab: Lab) -> None:
        self.live: Live = lab.begin()
        self.scene: Scene = cast(self.live)
        self.played = Played(self.live.log.entries)
        self._before = _happened(self.live.stage)
        self._is_quiet = False

    def follow(self, story: Story) -> tuple[Played, Verdict]:
        """Play the script and whatever recovery it needs, and judge it."""
        with self.live.showing(story.habits):
            try:
                for step in story.steps:
                    self.take(step)
                # What was listed late may have left a run nothing to do that has something to do.
                self._is_quiet &= not story.habits.lag_s
                self.come_to_rest(also_once_more=story.is_checked_for_rest)
            except SURPRISES as surprise:
                said = f"an error of ours: {type(surprise).__name__}: {surprise}"
                self.played.errors.append(said)
            return self.end()

    def take(self, step: Act | Run | Wait) -> None:
        """One step of a script."""
        if isinstance(step, Act):
            self._happen(step)
            self._is_quiet = False
        elif isinstance(step, Wait):
            self.live.pass_time(step.seconds)
        else:
            outcome = self._run(step)
            is_alone = not step.meanwhile and step.freeze is None
            self._is_quiet = is_alone and outcome is not None and outcome.outcome == "done"

    def come_to_rest(self, *, also_once_more: bool) -> None:
        """Runs without faults until one has nothing left to do; one more must change nothing."""
        stage = self.live.stage
        self.played.faults_fired += sum(fault.fired for fault in stage.faults)
        stage.faults.clear()
        self.live.door.after_a_run()
        if self.scene.was_paused:
            self._undo("resume")
        if self.scene.suppressed:
            self._undo("release")
            self.live.pass_time(DAY + 60)  # what was refused is tried again a day later
        self.live.pass_time(5 * HORIZON)
        for _ in range(MOST_RECOVERIES):
            if self._is_quiet or self.scene.is_wiped:
                break
            outcome = self._told(self.live.run())
            self._is_quiet = outcome is not None and outcome.outcome == "done"
            if not self._is_quiet:
                self.live.pass_time(DAY + 60)
        if not (self._is_quiet or self.scene.is_wiped):
            self.played.unrest.append(f"not at rest: {self.played.told[-1]}")
        if self.scene.is_wiped:
            self._check_wiped()
        elif also_once_more:
            self._check_rest()

    def _undo(self, verb: str) -> None:
        self.live.act(lambda: ACTS[verb](self.scene, self.scene.people[0], 0))
        self._is_quiet = False

    def end(self) -> tuple[Played, Verdict]:
        """The verdict on what has been played."""
        self.played.boundaries = sum(len(p.passed) for p in self.live.processes)
        self.played.runs = len(self.live.processes)
        verdict = judge(self._ending())
        if verdict.sentences:
            self._audit(verdict)
        # No audit can be asked for these: they are ours to see, in any weather.
        self.played.unreported += [*verdict.wrong, *self.played.objections]
        return self.played, verdict

    def _audit(self, verdict: Verdict) -> None:
        """Ask the product's audit, a night later, about what the judge objects to."""
        self.live.pass_time(DAY)
        self.played.findings = self.live.audit()
        told = {key for f in self.played.findings for key in f.remote_ids}
        for sentence in (*verdict.duplicates, *verdict.lost):
            person = sentence.split(" ")[1]
            mine = {e.id for e in self.played.log if e.who == "us" and e.subject == person}
            addresses = {a for p in self.scene.people if str(p.id) == person for a in p.addresses}
            is_of_list = " on the list " in sentence
            if not (told & mine or (is_of_list and self._addresses_found() & addresses)):
                self.played.unreported.append(sentence)
        for sentence in verdict.breaches:
            email = sentence.split(" ")[0]
            holders = [p.addresses for p in self.scene.people if email in p.addresses]
            theirs = {email, *(address for held in holders for address in held)}
            if not self._addresses_found("breach") & theirs:
                self.played.unreported.append(sentence)

    def _addresses_found(self, kind: str = "") -> set[str]:
        """Every address of the contacts whose place on the list the audit found something about."""
        with self.live.lab.engine.connect() as db:
            rows = db.exec_driver_sql("SELECT contact_id, address FROM contact_addresses").all()
        contacts = {
            f.subject for f in self.played.findings
            if f.object == "list_member" and f.finding == (kind or f.finding)
        }  # fmt: skip
        return {str(address) for contact, address in rows if contact in contacts}

    def _check_rest(self) -> None:
        already = len(self.live.log.entries)
        self._told(self.live.run())
        # What somebody edited on the list is found by the rotating sample, one day or another.
        edited = {a for p in self.scene.people if p.is_edited_on_list for a in p.addresses}
        for entry in self.live.log.entries[already:]:
            if entry.subject in edited:
                continue
            self.played.wrong.append(f"a run with nothing to do wrote: {entry}")

    def _check_wiped(self) -> None:
        """Nobody approved that everybody goes."""
        gone = [e for e in self.played.log if e.who == "us" and e.verb == "delete"]
        if len(gone) > MOST_DELETES:
            self.played.wrong.append(f"{len(gone)} members were deleted, and nobody was asked")

    def _run(self, step: Run) -> Outcome | None:
        for fault in step.faults:
            self.live.stage.faults.add(ordered(fault))
        at: dict[int, Any] = {n: partial(self._happen, act) for n, act in step.meanwhile}
        if step.freeze:
            at[step.freeze.at] = partial(self._freeze, step.freeze, step.patience)
        self.live.is_short = step.is_short
        outcome = self._told(self.live.run(dies_at=step.dies_at, at=at, patience=step.patience))
        self.live.is_short = False
        if step.is_short and outcome is not None and outcome.outcome == "done":
            self.played.wrong.append("a listing that was short was taken for the whole list")
        return outcome

    def _happen(self, act: Act) -> None:
        self.scene.do(act)
        self.live.door.ring(act.told)

    def _freeze(self, freeze: Freeze, patience: float | None) -> None:
        """Stand still without renewing the lease; another run comes, then we wake."""
        self.live.pass_time(freeze.seconds)
        if freeze.is_elsewhere:
            self.live.go_elsewhere()
        self._told(self.live.run(patience=patience))

    def _told(self, outcome: Outcome | None) -> Outcome | None:
        number = len(self.played.told) + 1
        ended = f"{outcome.outcome}: {outcome.said}" if outcome else "died"
        self.played.told.append(f"{number}. run to end {ended}")
        self.live.door.after_a_run()
        return outcome

    def _ending(self) -> Ending:
        scene, stage = self.scene, self.live.stage
        people = [
            Known(
                p.id, p.name, tuple(p.addresses), tuple(p.inherited), p.is_there, p.is_selected and p.is_there,
                p.was_always_selected and not scene.was_paused, p.is_edited_on_list, scene.tier_of(p),
            )
            for p in scene.people
        ]  # fmt: skip
        return Ending(
            log=self.live.log.entries, people=people,
            causes=_causes(_happened(stage) - self._before, self._before, _titles(stage)),
            members={
                str(m["email"]).lower(): m
                for m in stage.vendors["mailigen"].books["members"].live()
            },
            left=frozenset(scene.left), ever_left=frozenset(scene.ever_left),
            joined=frozenset(scene.joined), unseen=scene.unseen, tier_tag=_tier_tag(stage),
        )  # fmt: skip


def ordered(fault: Fault) -> Ordered:
    """The sandbox's order for a fault of a story."""
    order = Ordered(
        kind=fault.kind, vendor=fault.vendor, path=fault.path, after=fault.nth,
        delay_s=fault.seconds, rows=fault.rows,
    )  # fmt: skip
    if fault.kind.startswith("broken"):
        order.kind, order.status, order.body = "status", 502, "<h1>Bad gateway</h1>"
        order.after_commit = fault.kind == "broken_after"
    return order


def _happened(stage: Stage) -> Happened:
    """Totals of what the vendor's books say happened, by kind, campaign and address."""
    books = stage.vendors["mailigen"].books
    found: Happened = Counter()
    for record in books["opens"].live():
        found["open", record["campaign"], str(record["email"]).lower()] += int(record["count"])
    for kind in ("click", "bounce"):
        for record in books[f"{kind}s" if kind == "bounce" else "clicks"].live():
            found[kind, record["campaign"], str(record["email"]).lower()] += 1
    return found


def _titles(stage: Stage) -> dict[str, str]:
    campaigns = stage.vendors["mailigen"].books["campaigns"].live()
    return {campaign["id"]: campaign["title"] for campaign in campaigns}


def _tier_tag(stage: Stage) -> str:
    """The field of the list that was made for the tier."""
    fields = stage.vendors["mailigen"].books["merge_vars"].live()
    return next(str(field["tag"]) for field in fields if field["name"] == TIER)


def _causes(new: Happened, before: Happened, titles: dict[str, str]) -> list[Cause]:
    """A second bounce of a mail at an address shows nowhere, so it causes nothing."""
    return [
        Cause(kind, titles[campaign], email, times)
        for (kind, campaign, email), times in sorted(new.items())
        if not (kind == "bounce" and before[kind, campaign, email])
    ]
