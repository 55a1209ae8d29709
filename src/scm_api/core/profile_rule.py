"""A profile's own rule, in the Common Expression Language, with a bounded cost.

CEL has no loops, but three things cost more than the length of the text says: comprehensions
inside one another, `map` (a chain of them may double a text at each link), and regular
expressions (a hundred names against a 1,000-character pattern took ten seconds). None is
permitted, so a rule costs at most its length times the number of names.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from scm_api.core.errors import Fault
from scm_api.core.names import Name

if TYPE_CHECKING:
    import cel

LONGEST: Final = 1_000
"""Characters of an expression."""

_COMPREHENSIONS: Final = frozenset({"all", "exists", "exists_one", "filter"})
_FUNCTIONS: Final = frozenset(
    {"contains", "double", "endsWith", "has", "int", "size", "startsWith", "string"}
)
_CALLABLE: Final = ", ".join(sorted(_COMPREHENSIONS | _FUNCTIONS))
# What holds no calls: comments, and literals as the CEL specification spells them under "Syntax".
_SILENT: Final = re.compile(
    r"""
    //[^\n]*
  | [bB]?[rR][bB]? (?: '''.*?''' | \"\"\".*?\"\"\" | '[^'\n]*' | "[^"\n]*" )
  | [bB]? (?: '''(?:\\.|[^\\])*?''' | \"\"\"(?:\\.|[^\\])*?\"\"\" )
  | [bB]? (?: '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" )
    """,
    re.VERBOSE | re.DOTALL,
)
_TOKEN: Final = re.compile(
    r"(?P<call>[A-Za-z_]\w*)\s*(?=\()|(?P<open>\()|(?P<close>\))|(?P<tick>`)"
)


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """`expression` must be true of a request; `explanation` is told to whom it is not."""

    expression: str
    explanation: str


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may look at. In CEL, `names` is a list of maps with `kind` and `value`, `subject`
    one of maps with `type` and `value`, in the order of the CSR."""

    names: Sequence[Name]
    subject: Sequence[tuple[str, str]]
    common_name: str
    key_type: str
    term_days: int
    certificate_type: str
    organization_id: str

    def variables(self) -> dict[str, Any]:
        """The variables of the expression."""
        return {
            "names": [{"kind": name.kind.value, "value": name.value} for name in self.names],
            "subject": [{"type": type_, "value": value} for type_, value in self.subject],
            "common_name": self.common_name,
            "key_type": self.key_type,
            "term_days": self.term_days,
            "certificate_type": self.certificate_type,
            "organization_id": self.organization_id,
        }


def rule_faults(expression: str, sample: RuleContext, pointer: str) -> list[Fault]:
    """Why an expression cannot be a rule: code `rule-invalid`, once for each reason.

    It is tried on `sample`, a request like those to come. A rule may still fail on another one,
    for instance by reading a name that is not there.
    """
    variables = ", ".join(sample.variables())
    accepted = f"a CEL expression that is true or false, of the variables {variables}"
    if len(expression) > LONGEST:
        detail = f"The rule has {len(expression):,} characters."
        return [Fault(pointer, "rule-invalid", detail, f"at most {LONGEST:,} characters")]
    if faults := list(_cost_faults(expression, pointer)):
        return faults
    try:
        program = _compiled(expression)
    except ValueError as error:
        return [Fault(pointer, "rule-invalid", f"The rule is not CEL: {error}", accepted)]
    try:
        answer = program.execute(sample.variables())
    except (ArithmeticError, LookupError):
        return []  # the sample's fault, not every request's
    except (RuntimeError, TypeError, ValueError) as error:
        return [Fault(pointer, "rule-invalid", f"The rule does not work: {error}", accepted)]
    if not isinstance(answer, bool):
        detail = f"The rule answers {type(answer).__name__}, not true or false."
        return [Fault(pointer, "rule-invalid", detail, accepted)]
    return []


def judge_rule(rule: ProfileRule, context: RuleContext) -> list[Fault]:
    """`rule-refused` where the rule is not true of the request, or cannot be told of it."""
    accepted = f"a request of which this is true: {rule.expression}"
    try:
        answer = _compiled(rule.expression).execute(context.variables())
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        detail = f"The profile's rule cannot be told of this request: {error}. {rule.explanation}"
        return [Fault("", "rule-refused", detail, accepted)]
    return [] if answer is True else [Fault("", "rule-refused", rule.explanation, accepted)]


@lru_cache(maxsize=256)
def _compiled(expression: str) -> "cel.Program":
    import cel  # brings a command line and a terminal along, which few profiles are worth

    return cel.compile(expression)


def _cost_faults(expression: str, pointer: str) -> Iterator[Fault]:
    """Calls that are not in the list, and a comprehension inside another one."""
    inside: list[bool] = []  # for each open bracket: does it belong to a comprehension?
    called = None
    for token in _TOKEN.finditer(_SILENT.sub(_blank, expression)):
        match token.lastgroup:
            case "call":
                called = token["call"]
                yield from _call_faults(called, any(inside), pointer)
            case "open":
                inside.append(called in _COMPREHENSIONS)
                called = None
            case "close":
                del inside[-1:]
            case _:
                detail = "A rule cannot quote the name of a field or function."
                yield Fault(pointer, "rule-invalid", detail, "names without backticks")


def _blank(silent: re.Match[str]) -> str:
    """A comment is a space: it may stand between a name and its bracket."""
    return " " if silent[0].startswith("//") else "''"


def _call_faults(called: str, inside_comprehension: bool, pointer: str) -> Iterator[Fault]:
    if called == "in":  # an operator before a bracket
        return
    if called not in _COMPREHENSIONS | _FUNCTIONS:
        detail = f"A rule cannot call {called}."
        yield Fault(pointer, "rule-invalid", detail, f"calls of {_CALLABLE}")
    elif called in _COMPREHENSIONS and inside_comprehension:
        detail = f"{called} stands inside another comprehension."
        yield Fault(pointer, "rule-invalid", detail, "comprehensions side by side")
