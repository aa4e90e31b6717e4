"""`make demo`: the whole product once, on this machine, with nothing but the sandbox to talk to.

Starts a sandbox and a Prefect server, deploys the sample sync, runs its deployment, approves
the first activation, plays engagement, runs it again and once more, reads back from the
vendors' APIs what changed, and ends everything it started.
"""

import shutil
import signal
import sys
import time
from pathlib import Path

from deployments.demo_stage import Stage, told
from deployments.demo_vendors import Vendors

ROOT = Path(__file__).absolute().parent.parent
HOME = ROOT / ".demo"
SYNC = "acme-newsletter"
PEOPLE = 300


def main() -> int:
    """Return 0 when every step did what it says; the first that does not ends the demo with 1."""
    began = time.monotonic()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(143))  # leave through the blocks that end things
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    with Stage(ROOT, HOME, people=PEOPLE) as stage:
        vendors = Vendors(stage.sandbox_url)
        play(stage, vendors)
    told(f"done in {time.monotonic() - began:.0f} s; nothing is left running")
    farewell()
    return 0


def play(stage: Stage, vendors: Vendors) -> None:
    """The story in six scenes."""
    told("1. deploy: every definition becomes a Prefect deployment")
    stage.syncline("deploy")
    stage.start_worker()
    before = vendors.look()

    told("2. first run: a bot that was never active asks before it writes")
    stage.run_deployment(expected="Stopped by a guard")
    stage.say_alerts()
    stage.require(vendors.writes() == [], "the guarded run wrote something")
    told("   somebody looks at the plan and says yes:")
    stage.syncline("approve", SYNC, "--by", "ann@acme.example")
    stage.run_deployment(expected="Completed")
    first = vendors.look()
    vendors.say_difference(before, first)

    told("3. people open and click: engagement is played at Mailigen's side")
    for line in vendors.play_engagement():
        told(f"   {line}")

    told("4. second run: engagement becomes activities, deals and notes")
    stage.run_deployment(expected="Completed")
    second = vendors.look()
    vendors.say_difference(first, second)

    told("5. third run: nothing has happened, nothing is written")
    mark = vendors.journal_end()
    stage.run_deployment(expected="Completed")
    stage.require(vendors.writes(after=mark) == [], "the third run wrote something")
    told("   no write reached either vendor")

    told("6. what changed on both sides, read back from the vendors' own APIs")
    vendors.say_difference(before, vendors.look())
    vendors.say_one_contact()
    stage.remember_example(vendors)


def farewell() -> None:
    """Where to look, and what to try."""
    example = (HOME / "example-key").read_text()
    print(
        f"""
Look:
  make ui      these runs in the Prefect UI: http://127.0.0.1:4200 (ctrl-C ends it)
Try (on what the demo left in .demo; the vendors have gone):
  . .demo/env && .venv/bin/syncline list
  . .demo/env && .venv/bin/syncline explain {SYNC} "{example}"
  . .demo/env && .venv/bin/syncline sql {SYNC} "from plan.skipped"
"""
    )


if __name__ == "__main__":
    sys.exit(main())
