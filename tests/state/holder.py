"""A process that holds a lease, or races for one; run by the tests as `python holder.py`."""

import os
import signal
import sys

from state import deeds, ledger
from state.database import open_state
from state.errors import LeaseHeld
from state.lease import acquire


def main(url: str, wish: str, name: str) -> None:
    state = open_state(url)
    print("ready", flush=True)
    sys.stdin.readline()
    if wish == "hold":
        acquire(state, "acme", run_id=name)
        print("held", flush=True)
        signal.pause()
    if wish == "race":
        try:
            lease = acquire(state, "acme", run_id=name)
            print("won", lease.fence, flush=True)
            sys.stdin.readline()  # stays alive until told, or the other would take over a dead one
        except LeaseHeld as held:
            print("held by", held.holder, flush=True)
            sys.stdin.readline()
    if wish == "claim":
        lease = acquire(state, name, run_id=name)
        create = deeds.Deed(
            f"person|{name}", "acme", "create_person", "person", "", {}, natural_key="ann@x.lv"
        )
        ledger.seal(lease, deeds=[create])
        print(len(deeds.claim(lease, [create.write_key], state.now())), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
