"""A profile's own rule: what it may say, what it answers, and what it may cost."""

import time
from dataclasses import replace

import pytest

from scm_api.core.names import Name
from scm_api.core.profile_rule import LONGEST, ProfileRule, RuleContext, judge_rule, rule_faults
from scm_api.core.vocabulary import NameKind

REQUEST = RuleContext(
    names=[Name(NameKind.DNS, "a.example.com"), Name(NameKind.IP, "10.0.0.1")],
    subject=[("O", "Example"), ("CN", "a.example.com")],
    common_name="a.example.com",
    key_type="ec-p256",
    term_days=90,
    certificate_type="ssl",
    organization_id="018f0000-0000-7000-8000-000000000000",
)


def told(expression: str, request: RuleContext = REQUEST) -> list[tuple[str, str, str]]:
    found = judge_rule(ProfileRule(expression, "Ask the platform team."), request)
    return [(fault.pointer, fault.code, fault.detail) for fault in found]


def reasons(expression: str) -> list[str]:
    found = rule_faults(expression, REQUEST, "/rule/expression")
    assert {(fault.pointer, fault.code) for fault in found} <= {
        ("/rule/expression", "rule-invalid")
    }
    return [fault.detail for fault in found]


@pytest.mark.parametrize(
    "expression",
    [
        "term_days <= 90",
        'common_name.startsWith("a.") && key_type == "ec-p256"',
        'names.exists(n, n.kind == "ip") && size(names) == 2',
        'names.filter(n, n.kind == "dns").all(n, n.value.endsWith(".example.com"))',
        'certificate_type in (["ssl", "device"])',
        'organization_id != "map(" // names.map(n, n)',
        'subject.filter(a, a.type == "O").all(a, a.value == "Example")',
        'key_type.startsWith("ec-") || term_days <= 30',
        "common_name != r'\\' && has(names[0].kind)",
    ],
)
def test_a_true_rule_refuses_nothing(expression: str) -> None:
    assert reasons(expression) == []
    assert told(expression) == []


def test_a_false_rule_is_explained() -> None:
    expression = 'names.all(n, n.kind == "dns")'
    (fault,) = judge_rule(ProfileRule(expression, "Only names."), REQUEST)
    assert (fault.pointer, fault.code, fault.detail) == ("", "rule-refused", "Only names.")
    assert expression in (fault.accepted or "")


@pytest.mark.parametrize("expression", ["names[7].kind == 'dns'", "1 / (term_days - 90) == 1"])
def test_a_rule_that_cannot_be_told_refuses(expression: str) -> None:
    assert reasons(expression) == []  # of another request it can be told
    ((_, code, detail),) = told(expression)
    assert code == "rule-refused"
    assert detail.startswith("The profile's rule cannot be told of this request: ")
    assert detail.endswith("Ask the platform team.")


def test_only_true_is_true() -> None:
    assert told("size(names)") == [("", "rule-refused", "Ask the platform team.")]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("term_days <", "The rule is not CEL: "),
        ("term_days", "The rule answers int, not true or false."),
        ("secret == 1", "The rule does not work: "),
        ("term_days + 'x' == 'y'", "The rule does not work: "),
        ("true" + " " * LONGEST, "The rule has 1,004 characters."),
        ("common_name.matches('^a')", "A rule cannot call matches."),
        ("names.map(n, n) == names", "A rule cannot call map."),
        ("names.all // quick\n (a, names.exists(b, a == b))", "exists stands inside another"),
        ("names.all(a, (names.exists(b, a == b)))", "exists stands inside another"),
        ("r'\\' == names.all(a, names.all(b, true)) || '' == ''", "all stands inside another"),
        ("names.`size == 1", "A rule cannot quote the name"),
        (")(", "The rule is not CEL: "),
    ],
)
def test_t80_what_cannot_be_a_rule_is_refused_when_it_is_saved(
    expression: str, reason: str
) -> None:
    (detail,) = reasons(expression)
    assert detail.startswith(reason)


def test_what_is_no_rule_is_answered_with_the_variables_there_are() -> None:
    (fault,) = rule_faults("name == 'www'", REQUEST, "/rule/expression")
    accepted = fault.accepted or ""
    assert accepted.endswith(
        "names, subject, common_name, key_type, term_days, certificate_type, organization_id"
    )


def test_every_fault_of_a_rule_is_told() -> None:
    assert len(reasons("names.map(a, f(a)).all(a, names.all(b, a.matches(b)))")) == 4


def test_t80_the_costliest_rule_is_cheap() -> None:
    part = "names.all(n, n.value.contains('b')||n.value.contains('c')||!n.value.contains('d'))"
    expression = "&&".join([part] * (LONGEST // (len(part) + 2)))
    many = replace(REQUEST, names=[Name(NameKind.DNS, f"h{i}.example.com") for i in range(100)])
    assert reasons(expression) == []
    began = time.process_time()
    assert told(expression, many) == []
    assert time.process_time() - began < 0.1
