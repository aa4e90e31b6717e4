"""How README.md says the tests are run, and whether .ci/run does the same."""

import re


def command_for_tests(readme: str) -> str | None:
    """The first command in the first fenced block below a heading that speaks of tests.

    >>> print(command_for_tests("# A\\n## Tests\\n```sh\\n$ make test\\n```"))
    make test
    >>> print(command_for_tests("# A\\n```sh\\nmake demo\\n```"))
    None
    """
    inside = wanted = False
    for line in readme.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside and line.startswith("#"):
            wanted = bool(re.search(r"\btest(s|ed|ing)?\b", line, re.IGNORECASE))
        elif inside and wanted and (command := line.removeprefix("$ ").partition("  #")[0].strip()):
            return command
    return None


def differing_test_command(readme: str | None, script: str) -> list[str]:
    """.ci/run calls `make check`, the test command that README.md gives, and what it names beside."""
    if readme is None:
        return ["README.md is missing: it must say, under a heading about tests, how they are run"]
    command = command_for_tests(readme)
    if command is None:
        return ["README.md has no fenced command under a heading about tests"]
    called = [line.removeprefix("run ") for line in script.splitlines() if line.startswith("run ")]
    if called[:2] != ["make check", command]:
        return [f".ci/run runs {called}; README.md says the tests are run by {command!r}"]
    return [
        f".ci/run runs {more!r}, of which README.md says nothing"
        for more in called[2:] if f"`{more}`" not in readme
    ]  # fmt: skip
