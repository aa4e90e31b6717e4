"""Troubles whose sentence is for the operator as it stands.

OperatorError
  x UsageTrouble      the command or a file must be corrected; nothing was done (exit 2)
  x everything else   it was tried and did not work (exit 1)
"""

from collections.abc import Sequence


class OperatorError(Exception):
    """`str()` of it is shown, without a traceback."""


class UsageTrouble(OperatorError):  # noqa: N818  (named by what to do next)
    """What was asked for, or what a file says, must be corrected. Nothing was contacted."""


class DefinitionsError(UsageTrouble):
    """The files cannot be used as they are; `str()` of it is one line per mistake."""

    def __init__(self, mistakes: Sequence[object]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
