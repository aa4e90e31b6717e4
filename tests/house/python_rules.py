"""style.md's rules for Python, each a function from a path and its source to findings.

A finding is a sentence that begins with the place. An empty list means the file
keeps the rule. Nothing here reads a file, so every rule is shown a bad sample.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

from house.tree import ROOT

FILE_LINES = 400
FLOW_LINES = 150
FUNCTION_LINES = 60
PARAMETERS = 7
TEST_NAME_WORDS = 4

ROOTS = ("util", "helper", "base", "manager", "service", "handler", "processor")
BANNED = frozenset({"common", "misc", "data", "info", *ROOTS, *(f"{root}s" for root in ROOTS)})
# Words that are not ours to choose: base_url is a setting's name in the operator's YAML.
NOT_OURS = ("base_url",)

# Where real time may pass, and why. Everything else is handed its sleep.
MAY_SLEEP = {
    "sandbox/server.py": "the delay fault is seconds of real time",
    "tests/prefect_server.py": "between two looks at whether another process is ready",
}
PREFECT_FLOORS = ("pipelines/", "deployments/", "tests/")
PREFECT_DOORS = ("web/trigger.py",)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def unparsable(path: str, source: str) -> list[str]:
    """A file is Python as 3.11 reads it; the other rules pass over one that is not."""
    try:
        ast.parse(source)
    except SyntaxError as error:
        return [f"{path}:{error.lineno}: {error.msg}"]
    return []


def long_file(path: str, source: str) -> list[str]:
    """A file stops at 400 lines, a flow at 150: it is read top to bottom."""
    limit = FLOW_LINES if PurePosixPath(path).name == "flow.py" else FILE_LINES
    count = len(source.splitlines())
    return [f"{path}: {count} lines, stop at {limit}"] if count > limit else []


def long_function(path: str, source: str) -> list[str]:
    """A function stops at 60 lines, its docstring counted, its decorators not."""
    return [
        f"{path}:{node.lineno}: {node.name} has {lines_of(node)} lines, stop at {FUNCTION_LINES}"
        for node in functions(source)
        if lines_of(node) > FUNCTION_LINES
    ]


def many_parameters(path: str, source: str) -> list[str]:
    """A function takes fewer than eight parameters; self and cls are not counted."""
    found = []
    for node in functions(source):
        names = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"])) + len(node.args.kwonlyargs)
        if count > PARAMETERS:
            found.append(f"{path}:{node.lineno}: {node.name} takes {count} parameters")
    return found


def banned_name(path: str, source: str) -> list[str]:
    """No file, folder, function or class is named for what it is made of."""
    found = [f"{path}: the path says {word!r}" for word in banned_words(path)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(parsed(source)):
        if isinstance(node, kinds):
            found += [
                f"{path}:{node.lineno}: {node.name} says {word!r}"
                for word in banned_words(node.name)
            ]
    return found


def blanket_except(path: str, source: str) -> list[str]:
    """Nobody catches everything: an error nobody foresaw must end the run."""
    found = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = [] if node.type is None else list(ast.walk(node.type))
            names = {part.id for part in caught if isinstance(part, ast.Name)}
            if node.type is None or names & {"Exception", "BaseException"}:
                found.append(f"{path}:{node.lineno}: catches everything; name the error")
    return found


def real_sleep(path: str, source: str) -> list[str]:
    """Nobody waits for real: pacing takes an injected sleep, tests wait for a condition.

    `sleep=time.sleep` as a default is an injection; `time.sleep(1)` is a wait.
    """
    if path in MAY_SLEEP:
        return []
    tree = parsed(source)
    waits = {"time.sleep", "asyncio.sleep"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "asyncio"):
            waits |= {alias.asname or alias.name for alias in node.names if alias.name == "sleep"}
    return [
        f"{path}:{node.lineno}: waits for real; take the sleep as a parameter"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in waits
    ]


def stray_print(path: str, source: str) -> list[str]:
    """Only the command line prints; everything else logs or returns."""
    if path.startswith(("deployments/", "tests/", "bench/")):
        return []
    return [
        f"{path}:{node.lineno}: prints outside deployments"
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def prefect_downstairs(path: str, source: str) -> list[str]:
    """Prefect is imported in pipelines, deployments and one door of web, nowhere else."""
    if path.startswith(PREFECT_FLOORS) or path in PREFECT_DOORS:
        return []
    return [
        f"{path}: imports {module}; Prefect stays in pipelines and deployments"
        for module in imported(source)
        if module.partition(".")[0] == "prefect"
    ]


def kind_by_the_back_door(path: str, source: str) -> list[str]:
    """A kind of sync is imported by itself alone: everybody else goes through pipelines/kinds.py,
    and what two kinds need lies beside them."""
    floor, _, below = path.partition("/")
    if floor not in ("deployments", "web", "pipelines"):
        return []
    mine = below.partition("/")[0] if floor == "pipelines" else ""
    return [
        f"{path}: imports {module}; ask pipelines/kinds.py for it"
        for module in imported(source)
        if module.startswith("pipelines.") and is_kind(kind := module.split(".")[1])
        if kind != mine
    ]


def is_kind(folder: str) -> bool:
    return (ROOT / "pipelines" / folder / "flow.py").exists()


def silent_module(path: str, source: str) -> list[str]:
    """A module says what it is to somebody who opened it by mistake."""
    tree = parsed(source)
    if not tree.body or ast.get_docstring(tree):
        return []
    return [f"{path}: the module has no docstring"]


def short_test_name(path: str, source: str) -> list[str]:
    """A test's name is a sentence: test_ and at least four words."""
    if not PurePosixPath(path).name.startswith("test_"):
        return []
    return [
        f"{path}:{node.lineno}: {node.name} is not a sentence"
        for node in functions(source)
        if node.name.startswith("test_")
        and len(node.name.removeprefix("test_").split("_")) < TEST_NAME_WORDS
    ]


def package_in_tests(path: str, source: str) -> list[str]:
    """tests/ has no packages: `tests/state` must never be found as `state`."""
    del source
    is_package = path.startswith("tests/") and path.endswith("/__init__.py")
    return [f"{path}: tests are no packages; remove it"] if is_package else []


def marker_without_name(path: str, source: str) -> list[str]:
    """A note to oneself is not left in the code."""
    if unparsable(path, source):
        return []
    return [
        f"{path}:{token.start[0]}: {token.string}"
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and re.search(r"\b(TODO|FIXME|XXX)\b", token.string)
    ]


def parsed(source: str) -> ast.Module:
    """The tree of a file; empty for one that `unparsable` reports."""
    return ast.Module([], []) if unparsable("", source) else ast.parse(source)


def functions(source: str) -> Iterator[Function]:
    """Every function of a file, methods and inner ones included."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, Function):
            yield node


def lines_of(node: Function) -> int:
    """How many lines a function covers, from `def` to its last statement."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def imported(source: str) -> Iterator[str]:
    """The modules a file imports, wherever in it the import stands."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def banned_words(name: str) -> list[str]:
    """The banned words in a name.

    >>> banned_words("HTTPHandler"), banned_words("update_metadata"), banned_words("state/utils.py")
    (['handler'], [], ['utils'])
    >>> banned_words("read_base_url"), banned_words("base_of")
    ([], ['base'])
    """
    for given in NOT_OURS:
        name = name.replace(given, "")
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [word.lower() for word in words if word.lower() in BANNED]
