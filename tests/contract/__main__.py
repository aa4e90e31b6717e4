"""Hold recorded exchanges against the vendors' contracts.

SANDBOX_EXCHANGES=build/contract/demo make demo
python -m tests.contract build/contract/demo
python -m tests.contract build/contract/last --page docs/coverage.md     after a whole make test
"""

import argparse
import sys
from pathlib import Path

from tests.contract.verdict import judge, page, unneeded


def main() -> int:
    """1 when something does not fit; 0 also where the contract files are absent, which it says."""
    ask = argparse.ArgumentParser(prog="tests.contract", description=__doc__)
    ask.add_argument("folder", type=Path, help="what SANDBOX_EXCHANGES named")
    ask.add_argument("--page", type=Path, help="write the report of operations covered here")
    given = ask.parse_args()
    if not any(given.folder.glob("*.jsonl")):
        ask.exit(2, f"nothing was recorded in {given.folder}: name it in SANDBOX_EXCHANGES first\n")
    verdict = judge(given.folder)
    for line in (*verdict.absent, *verdict.complaints):
        print(line)
    for row in unneeded() if given.page else ():
        print(f"needed by no exchange: {row}")
    if given.page:
        given.page.write_text(page(verdict))
    held = ", ".join(f"{count} of {vendor}" for vendor, count in sorted(verdict.held.items()))
    print(f"distinct exchanges held: {held or 'none'}; complaints: {len(verdict.complaints)}")
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
