"""The same job, the same faults, the same vendor: ours and the closest open-source peers.

    job.py           forty rows, each of which shall become one note
    faults.py        what happens meanwhile
    contestants.py   how each tool is set up and started, as its own pages advise
    trial.py         one of them through one fault, then the same command again
    speed.py         each of them with nothing in its way: notes a second
    books.py         the judge: reads the vendor's journal and books, and nothing else

`python -m bench.peers` prints both tables; `rows()` is the first for others.
"""

from bench.peers.series import HEADINGS, rows

__all__ = ["HEADINGS", "rows"]
