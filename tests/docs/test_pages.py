"""The pages say what the code does: every problem is listed, every move of the life cycle drawn."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scm_api.core.lifecycle import FINAL, MOVES, Move
from scm_api.core.profile_rule import RuleContext, rule_faults
from scm_api.core.vocabulary import EnrollmentState

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = [
    path
    for path in (ROOT / "src/scm_api").rglob("*.py")
    if not {"sandbox", "demo"} & set(path.relative_to(ROOT).parts)
]
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
NO_CODES = {"OrderRefused"}  # its code is the CA's own


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _codes(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that are the code of a problem or a fault."""
    match node:
        case ast.Call() if _name(node) not in NO_CODES:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
            if _name(node) in {"Fault", "_fault", "problem"} and len(node.args) > 1:
                yield node.args[1]
            if _name(node) == "PydanticCustomError":
                yield node.args[0]
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield value
        case ast.Assign(targets=[ast.Name(id="_CODES" | "_HTTP_CODES")], value=ast.Dict() as table):
            yield from table.values


def _literals(expression: ast.expr) -> Iterator[str]:
    branches = [expression]
    if isinstance(expression, ast.IfExp):
        branches = [expression.body, expression.orelse]
    for branch in branches:
        if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
            yield branch.value


def _raised() -> set[str]:
    return {
        code
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        for expression in _codes(node)
        for code in _literals(expression)
    } - {"error"}  # the root of all errors is never raised itself


def _documented() -> list[str]:
    rows = [line for line in (DOCS / "problems.md").read_text().splitlines() if line[:3] == "| `"]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_problem_is_listed() -> None:
    raised = _raised()
    assert len(raised) > 50
    assert raised - set(_documented()) == set()


def test_no_problem_is_listed_that_does_not_exist() -> None:
    documented = _documented()
    assert len(documented) == len(set(documented))
    literals = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(documented) - literals == set()
    assert all(CODE.fullmatch(code) for code in documented)


def test_the_picture_of_the_life_cycle_is_the_table_of_moves() -> None:
    page = (DOCS / "enrollments.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", page, re.MULTILINE))
    moves = {
        (state.value, target.value, move.value)
        for state, possible in MOVES.items()
        for move, target in possible.items()
    }
    assert drawn == moves
    ends = set(re.findall(r"^    (\w+) --> \[\*\]$", page, re.MULTILINE))
    assert ends == {state.value for state in FINAL}
    assert all(f"| `{state.value}` |" in page for state in EnrollmentState)
    assert len({move for _, _, move in drawn}) == len(Move)


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def test_the_rules_that_are_shown_can_be_rules() -> None:
    page = (DOCS / "domain-policies.md").read_text()
    table = page.partition("| expression | permits |")[2].partition("\n\n")[0]
    expressions = re.findall(r"^\| `(.+?)` \|", table.replace(r"\|", "|"), re.MULTILINE)
    assert len(expressions) == 5
    sample = RuleContext([], [("CN", "a")], "a", "ec-p256", 30, "ssl", "018f0000")
    assert [rule_faults(each, sample, "") for each in expressions] == [[]] * 5
