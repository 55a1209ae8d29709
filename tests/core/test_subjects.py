"""Accounts that certificates are made for: kept with an enrollment, compared before it is sent."""

from dataclasses import replace

import pytest

from scm_api.core.names import Name
from scm_api.core.subjects import Subject, changes, subject_from
from scm_api.core.vocabulary import NameKind

JO = Subject(
    account="CORP\\jdoe",
    distinguished_name="CN=Jo Doe,OU=Staff,DC=corp,DC=example",
    sid="S-1-5-21-1-2-3-1104",
    common_name="Jo Doe",
    names=(Name(NameKind.UPN, "jdoe@corp.example"), Name(NameKind.EMAIL, "jo@corp.example")),
)


def test_what_is_kept_reads_back() -> None:
    assert subject_from(JO.as_json()) == JO


def test_common_names_are_those_of_the_whole_path() -> None:
    path = "CN=Doe\\, Jo,CN=Users,DC=corp,DC=example"
    assert replace(JO, distinguished_name=path).common_names == {"Jo Doe", "Doe, Jo", "Users"}


def test_names_in_another_order_and_case_of_the_account_are_no_change() -> None:
    spelled = replace(JO, account="corp\\JDOE", names=JO.names[::-1])
    assert changes(JO, spelled) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (replace(JO, sid="S-1-5-21-1-2-3-9"), "another account"),
        (replace(JO, account="CORP\\other"), "called CORP\\other"),
        (replace(JO, distinguished_name="CN=Jo Doe,OU=Left,DC=corp,DC=example"), "OU=Left"),
        (replace(JO, names=JO.names[:1]), "its names are upn 'jdoe@corp.example' now"),
        (replace(JO, names=()), "its names are none now"),
    ],
)
def test_t29_each_change_of_an_account_is_said(now: Subject, said: str) -> None:
    (found,) = changes(JO, now)
    assert said in found
