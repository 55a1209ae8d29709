"""Searches in the directory of the simulated domain: filters, scopes, pages and limits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from ldap_client import both, either, equal, no, present, rule, substrings
from ldap_server import BASE, CONFIGURATION, ONE, TEMPLATES, Server, names, serving
from microsoft_domain import AGENTS, CONTEXT, DOMAIN_SID

from scm_api.sandbox.microsoft.ldap import LdapBehaviour

IN_CHAIN = "1.2.840.113556.1.4.1941"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (equal("mail", "ADA@corp.example"), ["ada"]),
        (present("adminCount"), ["root"]),
        (both(present("userPrincipalName"), no(present("mail"))), ["svc-enroll", "root"]),
        (either(equal("cn", "ada"), equal("cn", "gone")), ["ada", "gone"]),
        (substrings("sAMAccountName", start="WEB", end="$"), ["web01"]),
        (substrings("mail", middle="@corp"), ["ada"]),
        (substrings("sAMAccountName", start="web01", end="01$"), []),
        (both(equal("objectCategory", "person"), equal("cn", "ada")), ["ada"]),
        (rule("userAccountControl", "1.2.840.113556.1.4.803", "2"), ["gone"]),
        (rule("memberOf", IN_CHAIN, AGENTS.upper()), ["svc-enroll"]),
        (rule("memberOf", "1.2.3.4", AGENTS), []),
        (no(rule("memberOf", "1.2.3.4", AGENTS)), []),
        (equal("objectSid", f"{DOMAIN_SID}-1104"), []),
    ],
)
def test_filters_choose(server: Server, wanted: bytes, expected: list[str]) -> None:
    found = server.bound().search(CONTEXT, both(equal("objectClass", "user"), wanted))
    assert names(found) == expected


def test_groups_in_groups_are_found_in_chain(server: Server) -> None:
    client = server.bound()
    member = equal("member", f"CN=svc-enroll,CN=Users,{CONTEXT}")
    assert names(client.search(CONTEXT, member)) == ["Enrollment Staff"]


def test_scopes_take_in_what_they_should(server: Server) -> None:
    client = server.bound()
    assert list(client.search(TEMPLATES, scope=BASE).entries) == [TEMPLATES]
    assert names(client.search(TEMPLATES, scope=ONE)) == ["WebServer", "UserEobo"]
    assert names(client.search(TEMPLATES)) == ["Certificate Templates", "WebServer", "UserEobo"]
    assert "Users" in names(client.search(CONTEXT, scope=ONE))


def test_a_domain_goes_on_where_its_references_lead(server: Server) -> None:
    client = server.bound()
    found = client.search(CONTEXT, equal("objectClass", "pKICertificateTemplate"))
    assert (found.entries, found.code) == ({}, 0)
    assert f"ldap://corp.example/{CONFIGURATION}" in found.references
    found = client.search(CONFIGURATION, equal("cn", "WebServer"))
    assert names(found) == ["WebServer"]
    assert found.references == [f"ldap://corp.example/CN=Schema,{CONFIGURATION}"]
    scope = ("1.2.840.113556.1.4.1339", False)
    assert client.search(CONTEXT, equal("cn", "ada"), control=scope).references == []


def test_what_is_not_here_is_said(server: Server) -> None:
    client = server.bound()
    missing = client.search(f"CN=nothing,{TEMPLATES}")
    assert (missing.code, f"'{TEMPLATES}'" in missing.diagnostic) == (32, True)
    elsewhere = client.search("DC=other,DC=example")
    assert (elsewhere.code, elsewhere.referrals) == (
        10,
        ["ldap://other.example/DC=other,DC=example"],
    )
    assert client.search("no name").code == 34
    assert client.search(CONTEXT, control=("1.2.3.4", True)).code == 12
    assert client.search(CONTEXT, control=("1.2.3.4", False)).code == 0


def test_pages_hold_everything_once(server: Server) -> None:
    server.behaviour = LdapBehaviour(max_page_size=3)
    client = server.bound()
    cut = client.search(CONTEXT)
    assert (cut.code, len(cut.entries)) == (4, 3)
    pages, cookie = [], b""
    while True:
        page = client.search(CONTEXT, None, "cn", page=(1000, cookie))
        assert page.code == 0
        pages.append(page)
        cookie = page.cookie
        if not cookie:
            break
    seen = [dn for page in pages for dn in page.entries]
    assert len(seen) == len(set(seen)) > 6
    assert [len(page.entries) for page in pages[:-1]] == [3] * (len(pages) - 1)
    assert [bool(page.references) for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_cookie_is_good_for_its_own_search_only(server: Server) -> None:
    client = server.bound()
    cookie = client.search(CONTEXT, page=(2, b"")).cookie
    assert client.search(CONTEXT, equal("cn", "ada"), page=(2, cookie)).code == 12
    assert client.search(CONTEXT, page=(2, b"made up")).code == 12


def test_a_size_limit_is_kept(server: Server) -> None:
    found = server.bound().search(CONTEXT, limit=2)
    assert (found.code, len(found.entries)) == (4, 2)


def test_attributes_are_chosen(server: Server) -> None:
    client = server.bound()
    entry = client.search(CONTEXT, equal("cn", "ada"), "MAIL", "nothing").only
    assert entry == {"mail": [b"ada@corp.example"]}
    assert client.search(CONTEXT, equal("cn", "ada"), "1.1").only == {}
    assert client.search(CONTEXT, equal("cn", "ada"), "mail", types_only=True).only == {"mail": []}


def test_the_filter_is_written_down_as_it_was_received(server: Server) -> None:
    client = server.bound()
    injected = "*)(objectClass=*"
    client.search(CONTEXT, both(equal("cn", injected), no(present("mail"))), "cn")
    call = server.calls[-1]
    assert call.filter == "(&(cn=\\2a\\29\\28objectClass=\\2a)(!(mail=*)))"
    assert (call.account, call.base, call.scope) == ("svc-enroll", CONTEXT, "sub")
    assert (call.attributes, call.entries, call.result) == (("cn",), 0, 0)
