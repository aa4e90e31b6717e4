"""One schedule, drawn from one number: who does what between and in the middle of which runs.

Pure: imports nothing of the engine. The same seed and regime give the same story for ever.

    inside   the vendor's delay is at most H, a pause is shorter than the lease
    frozen   a holder sleeps for longer than its lease; another run comes; it wakes within H
    beyond   delays of up to 4 H; holders that sleep for longer than lease and horizon
"""

import random
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Regime = Literal["inside", "frozen", "beyond"]
REGIMES: tuple[Regime, ...] = ("inside", "frozen", "beyond")
HORIZON = 120.0
# About as many as a run that writes a little passes, and from where on it does.
BOUNDARIES, WRITING_FROM = 160, 80
# Between binding the names and asking the campaigns: what the run knows of events comes later.
UNREAD = (40, 58)
# Persons of the settled world that the bot selects, by their place; acts name places.
CAST = 8
# What the engine must take: twice as many events as edits, departures rarer still.
VERBS = (
    "open", "open", "open", "click", "click", "bounce", "rename", "rename", "edit_on_list",
    "unsubscribe", "come_back", "readdress", "deselect", "reselect", "delete", "remove", "merge",
    "join", "add", "pause", "resume",
)  # fmt: skip
AT_MOST = {"delete": 1, "merge": 1, "remove": 1}  # more would rightly be stopped by a guard
WRITES = (
    ("pipedrive", "/api/v2/activities"), ("pipedrive", "/api/v2/deals"), ("pipedrive", "/v1/notes"),
    ("mailigen", "/1.8/listBatchSubscribe"), ("mailigen", "/1.8/listUpdateMember"),
    ("mailigen", "/1.8/listUnsubscribe"),
)  # fmt: skip
# What a deed is made of, and where it is sent: three ways to write a thing that cannot be taken back.
DEEDS = (
    ("open", 1, "/v1/notes"), ("open", 1, "/api/v2/activities"), ("click", 2, "/api/v2/deals"),
)  # fmt: skip
LOSSES = ("lost_request", "lost_answer", "truncate", "late_commit", "broken_after", "broken_before")
WEATHER = (*LOSSES, "delay", "rate_limit")
# A batch's form: four fields, then five a row. In the midst of a row nobody could tell it from
# values somebody emptied; the sample that is held against the list finds those.
WHOLE_ROWS = (9, 14)
BATCH = ("mailigen", "/1.8/listBatchSubscribe")


# How the webhook of something comes in; `door.py` knows what each means.
TELLINGS = ("on time", "on time", "doubled", "reordered", "late", "lost")
LISTENS = 1 / 3  # the share of schedules in which somebody listens
SMALL_PAGES, LAGS, BATCHES = 0.15, 0.25, 0.1  # and of those in which habits differ
PAGE = 3  # with it the list has four pages, and the filter's persons three
WHILE_READING = (44, 62)  # the boundaries at which those are read
SHIFTING = ("unsubscribe", "come_back", "join", "deselect", "reselect", "readdress", "add")
SLACK = 35.0  # seconds of the horizon that runs need for themselves


class Act(NamedTuple):
    """Somebody else does something. `who` is a place in the cast, `number` says how or which.
    `told` is how the webhook of it comes in, '' when nobody listens."""

    verb: str
    who: int
    number: int
    told: str = ""

    def __str__(self) -> str:
        heard = f", its webhook {self.told}" if self.told else ""
        return f"person {self.who}: {self.verb} ({self.number}){heard}"


class Fault(NamedTuple):
    """What becomes of one request; `nth` is how many matching ones go well before."""

    kind: str
    vendor: str
    path: str
    nth: int
    seconds: float
    rows: int = 0  # of a batch, until it breaks off


class Freeze(NamedTuple):
    """A holder that stands still at a boundary while another run comes."""

    at: int
    seconds: float
    is_elsewhere: bool  # the other run: on another machine with a copy of the history


@dataclass(frozen=True)
class Run:
    """One run: what goes wrong in it, and what others do in the middle of it."""

    dies_at: int = 0
    faults: tuple[Fault, ...] = ()
    meanwhile: tuple[tuple[int, Act], ...] = ()  # at which boundary
    freeze: Freeze | None = None
    patience: float | None = 0.0
    is_short: bool = False  # the vendor leaves a row out of the list, however often it is asked

    def __str__(self) -> str:
        told = [f"dies at boundary {self.dies_at}" if self.dies_at else "lives"]
        told += [f"{f.kind} at the {f.nth + 1}. of {f.vendor} {f.path or 'any'} ({f.seconds:.0f} s)"
                 for f in self.faults]  # fmt: skip
        told += ["is told of a member less than there are"] if self.is_short else []
        told += [f"at boundary {n} {act}" for n, act in self.meanwhile]
        if self.freeze:
            told.append(
                f"freezes at {self.freeze.at} for {self.freeze.seconds:.0f} s, "
                f"another run {'elsewhere' if self.freeze.is_elsewhere else 'here'}"
            )
        return "a run " + ", ".join(told)


class Wait(NamedTuple):
    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s pass"


Step = Act | Run | Wait


class Habits(NamedTuple):
    """How both vendors show and read things in a schedule; zeros are what is usual."""

    page: int = 0  # rows of a page
    lag_s: int = 0  # until a list shows what was changed
    form_fields: int = 0  # a form's fields beyond these are dropped without a word

    def __str__(self) -> str:
        return (
            f"pages of {self.page or 'hundreds'}, lists show a change after {self.lag_s} s, "
            f"forms of at most {self.form_fields or 'any number of'} fields are read"
        )


USUAL = Habits()


@dataclass(frozen=True)
class Story:
    """`is_provoked` when its steps hang together, so that nothing may be put between them."""

    seed: int
    regime: Regime
    steps: tuple[Step, ...]
    is_provoked: bool = False
    habits: Habits = USUAL

    @property
    def is_checked_for_rest(self) -> bool:
        """Whether one more run at the end has to change nothing; it costs as much as any."""
        return self.seed % 8 == 0


def draw(seed: int, regime: Regime) -> Story:
    """Return the story of a seed; the vendors' habits and how its webhooks come in are drawn
    apart from all else."""
    story = _drawn(seed, regime)
    if not story.is_provoked:
        story = _inhabited(random.Random(f"level b {regime} habits {seed}"), story)
    dice = random.Random(f"level b {regime} webhooks {seed}")
    if dice.random() >= LISTENS:
        return story
    return replace(story, steps=tuple(_told(dice, step) for step in story.steps))


def _inhabited(dice: random.Random, story: Story) -> Story:
    """The same story among vendors with habits, and what makes each of these felt."""
    first = next(n for n, step in enumerate(story.steps) if isinstance(step, Run))
    run, page, lag_s, fields = story.steps[first], 0, 0, 0
    assert isinstance(run, Run)
    before: tuple[Step, ...] = ()
    if dice.random() < SMALL_PAGES:
        page = PAGE
        shift = Act(dice.choice(SHIFTING), dice.randrange(CAST), dice.randrange(1, 4))
        run = replace(run, meanwhile=(*run.meanwhile, (dice.randint(*WHILE_READING), shift)))
    if dice.random() < LAGS:
        lag_s = _lag(dice, story)
    if dice.random() < BATCHES:
        before = tuple(Act("add", 0, number) for number in (1, 2, 3))
        if dice.random() < 0.4:
            before = (*before, Act("suppress", 0, dice.randint(1, 3)))
        if dice.random() < 0.6:
            broken = Fault("break_off", *BATCH, 0, 0.0, rows=dice.randint(1, 2))
            run = replace(run, faults=(broken, *run.faults))
        else:
            fields = dice.choice(WHOLE_ROWS)
    steps = (*story.steps[:first], *before, run, *story.steps[first + 1 :])
    return replace(story, steps=steps, habits=Habits(page, lag_s, fields))


def _lag(dice: random.Random, story: Story) -> int:
    """Within the bounds: what comes late, and then shows late, must do both within the horizon."""
    if story.regime == "beyond":
        return dice.randint(int(HORIZON / 2), int(4 * HORIZON))
    if story.regime == "frozen":
        return dice.randint(1, 5)
    runs = [step for step in story.steps if isinstance(step, Run)]
    late = [f.seconds for run in runs for f in run.faults if f.kind == "late_commit"]
    most = int(HORIZON - SLACK - max(late, default=0.0))
    return dice.randint(1, most) if most > 1 else 0


def _told(dice: random.Random, step: Step) -> Step:
    """The same step, with how the webhook of each act comes in."""
    if isinstance(step, Act):
        return step._replace(told=dice.choice(TELLINGS))
    if isinstance(step, Run):
        meanwhile = tuple((n, a._replace(told=dice.choice(TELLINGS))) for n, a in step.meanwhile)
        return replace(step, meanwhile=meanwhile)
    return step


def _drawn(seed: int, regime: Regime) -> Story:
    dice = random.Random(f"level b {regime} {seed}")
    left = dict(AT_MOST)
    special = dice.random()
    if special < 0.10:
        ending = Act("wipe", 0, 0) if special < 0.03 else Act("rename", 1, 1)
        run = Run(is_short=special >= 0.03)
        steps = (_act(dice, left), _act(dice, left), ending, run)
        return Story(seed, regime, steps, is_provoked=True)
    if special < 0.25:
        provoked = _woken_late(dice) if regime == "frozen" else _looked_for_early(dice, regime)
        return Story(seed, regime, (_act(dice, left), *provoked), is_provoked=True)
    drawn: list[Step] = []
    for number in range(dice.choice((1, 1, 1, 2))):
        drawn += [_act(dice, left) for _ in range(dice.choice((2, 3, 4, 6)))]
        drawn.append(_run(dice, regime, left, is_first=number == 0))
        drawn.append(Wait(dice.choice((1.0, 30.0, 90.0, 200.0, 4000.0))))
    return Story(seed, regime, tuple(drawn))


def _looked_for_early(dice: random.Random, regime: Regime) -> tuple[Step, ...]:
    """A deed whose copy is still on its way when the next run looks for it."""
    (verb, number, path), who = dice.choice(DEEDS), dice.randrange(CAST)
    most = HORIZON - SLACK if regime == "inside" else 4 * HORIZON
    late = Fault("late_commit", "pipedrive", path, 0, dice.uniform(30.0, most))
    again = Run(patience=dice.choice((0.0, None)))
    return Act(verb, who, number), Run(faults=(late,), patience=0.0), Wait(1.0), again


def _woken_late(dice: random.Random) -> tuple[Step, ...]:
    """A holder wakes and reads what happened after the other run: on its machine, whose history
    nobody asks any more. The second click is of another campaign, or the first were read again."""
    at, who = dice.randint(*UNREAD), dice.randrange(CAST)
    click, another = Act("click", who, 1), Act("click", who, 5)
    frozen = Freeze(at, dice.uniform(66.0, 80.0), is_elsewhere=True)
    return Run(freeze=frozen, meanwhile=((at + 1, click),)), Wait(30.0), another


def _act(dice: random.Random, left: dict[str, int]) -> Act:
    verb = dice.choice(VERBS)
    if verb in left:
        left[verb] -= 1
        if left[verb] < 0:
            verb = "open"
    return Act(verb, dice.randrange(CAST), dice.randrange(1, 4))


def _run(dice: random.Random, regime: Regime, left: dict[str, int], *, is_first: bool) -> Run:
    fate = dice.random()
    dies_at = freeze = 0
    if regime == "frozen" or (regime == "beyond" and fate < 0.5):
        freeze = _boundary(dice)
    elif fate < 0.55:
        dies_at = _boundary(dice)
    meanwhile = [(_boundary(dice), _act(dice, left)) for _ in range(dice.choice((0, 0, 1, 2)))]
    # Nobody but us waits for a lost answer: two of them and a pause stay within the horizon.
    faults = [_fault(dice, regime) for _ in range(dice.choice((0, 1, 1, 2)))]
    return Run(
        dies_at=dies_at,
        faults=tuple(faults),
        meanwhile=tuple(meanwhile),
        freeze=_freeze(dice, regime, freeze) if freeze else None,
        patience=dice.choice((0.0, None)) if regime != "frozen" else 0.0,
    )


def _boundary(dice: random.Random) -> int:
    """Anywhere, or where a run that has something to do writes it."""
    return dice.choice((dice.randint(1, BOUNDARIES), dice.randint(WRITING_FROM, BOUNDARIES)))


def _freeze(dice: random.Random, regime: Regime, at: int) -> Freeze:
    if regime == "frozen":
        return Freeze(at, dice.uniform(66.0, 80.0), dice.random() < 0.5)
    return Freeze(at, dice.choice((70.0, 200.0, 900.0)), dice.random() < 0.7)


def _fault(dice: random.Random, regime: Regime) -> Fault:
    kind = dice.choice(WEATHER)
    most = 25.0 if kind == "delay" else HORIZON - SLACK
    if regime == "beyond":
        kind = dice.choice(("late_commit", kind))
        most = 4 * HORIZON
    if regime == "frozen" and kind == "late_commit":
        most = 5.0
    vendor, path = dice.choice(WRITES) if dice.random() < 0.7 else ("", "")
    nth = dice.randrange(2) if path else dice.randrange(40)
    least = 0.5 * HORIZON if regime == "beyond" else 1.0
    return Fault(kind, vendor, path, nth, dice.uniform(least, most))
