"""The directory of the simulated domain, read over plain and TLS sockets."""

import ssl
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from ldap_client import (
    Found,
    Ldap,
    both,
    either,
    equal,
    no,
    number,
    present,
    rule,
    substrings,
    text,
    tlv,
)
from microsoft_domain import (
    AGENTS,
    CA_HOST,
    CA_NAME,
    CONTEXT,
    DOMAIN_SID,
    PASSWORD,
    Estate,
    account,
)

from loop_thread import LoopThread
from scm_api.sandbox.microsoft.ldap import DirectoryCall, LdapBehaviour, RunningLdap, serve_ldap

CONFIGURATION = f"CN=Configuration,{CONTEXT}"
SERVICES = f"CN=Public Key Services,CN=Services,{CONFIGURATION}"
TEMPLATES = f"CN=Certificate Templates,{SERVICES}"
IN_CHAIN = "1.2.840.113556.1.4.1941"
READER = "CORP\\svc-enroll"
SUBTREE, ONE, BASE = 2, 1, 0
ENROLL = UUID("0e10c968-78fb-11d2-90d4-00c04f79dc55")
AUTO_ENROLL = UUID("a05b8cc2-17bc-4802-a710-e7c15ab866a2")


class Server:
    """A running server and what it wrote down."""

    def __init__(self, loop: LoopThread, directory: Path) -> None:
        self.loop = loop
        self.estate = Estate()
        self.calls: list[DirectoryCall] = []
        self.behaviour = LdapBehaviour()
        self.trust = str(directory / "trust.pem")
        self.certificate = _tls_files(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem")
        self.tls = self._serve(context)
        self.clear = self._serve(None)
        self.clients: list[Ldap] = []

    def _serve(self, context: ssl.SSLContext | None) -> RunningLdap:
        end_point = b"tls-server-end-point:" + self.certificate.fingerprint(hashes.SHA256())
        return self.loop.run(
            serve_ldap(
                lambda: self.estate.domain,
                "127.0.0.1",
                ssl_context=context,
                dns_host_name="dc1.corp.example",
                end_point=end_point,
                behaviour=lambda: self.behaviour,
                log=self.calls.append,
            )
        )

    def client(self, *, tls: bool = True) -> Ldap:
        client = Ldap(self.tls.port, self.trust) if tls else Ldap(self.clear.port)
        self.clients.append(client)
        return client

    def bound(self, name: str = READER) -> Ldap:
        client = self.client()
        assert client.simple(name) == (0, "")
        return client

    def close(self) -> None:
        for each in self.clients:
            each.close()
        self.loop.run(self.tls.aclose())
        self.loop.run(self.clear.aclose())


def _tls_files(directory: Path) -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "trust.pem").write_bytes(pem)
    (directory / "server.pem").write_bytes(pem + private)
    return certificate


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with LoopThread() as loop:
        running = Server(loop, tmp_path)
        yield running
        running.close()


def names(found: Found) -> list[str]:
    """The first part of each name."""
    return [dn.partition(",")[0].partition("=")[2] for dn in found.entries]


def object_aces(descriptor: bytes) -> set[tuple[UUID, str]]:
    """Extended rights and who holds them (MS-DTYP 2.4.4.3)."""
    (at,) = struct.unpack_from("<I", descriptor, 16)
    (count,) = struct.unpack_from("<H", descriptor, at + 4)
    at += 8
    found = set()
    for _ in range(count):
        kind, _, size, mask = struct.unpack_from("<BBHI", descriptor, at)
        if kind == 5 and mask & 0x100:
            right = UUID(bytes_le=descriptor[at + 12 : at + 28])
            found.add((right, sid(descriptor[at + 28 : at + size])))
        at += size
    return found


def sid(content: bytes) -> str:
    numbers = struct.unpack_from(f"<{content[1]}I", content, 8)
    return "-".join(("S", str(content[0]), str(int.from_bytes(content[2:8])), *map(str, numbers)))


def test_the_root_names_the_contexts_to_strangers(server: Server) -> None:
    root = server.client(tls=False).search("", None, scope=BASE).only
    assert root["defaultNamingContext"] == [CONTEXT.encode()]
    assert root["configurationNamingContext"] == [CONFIGURATION.encode()]
    assert root["dnsHostName"] == [b"dc1.corp.example"]
    assert root["supportedSASLMechanisms"] == [b"GSS-SPNEGO"]
    assert b"1.2.840.113556.1.4.319" in root["supportedControl"]


def test_a_search_before_the_bind_is_an_operations_error(server: Server) -> None:
    found = server.client().search(CONTEXT)
    assert (found.code, found.entries) == (1, {})
    assert "a successful bind must be completed" in found.diagnostic


@pytest.mark.parametrize(
    "name",
    [
        READER,
        "corp\\SVC-ENROLL",
        "svc-enroll@corp.example",
        "SVC-ENROLL@CORP.EXAMPLE",
        f"cn=svc-enroll, cn=users, {CONTEXT.lower()}",
    ],
)
def test_an_account_binds_by_each_of_its_names(server: Server, name: str) -> None:
    assert server.client().simple(name) == (0, "")
    assert [(each.operation, each.account, each.result) for each in server.calls] == [
        ("bind", "svc-enroll", 0)
    ]


@pytest.mark.parametrize(
    ("name", "password", "data"),
    [
        (READER, "wrong", "52e"),
        ("CORP\\nobody", PASSWORD, "525"),
        ("svc-enroll", PASSWORD, "525"),
        ("CORP\\gone", PASSWORD, "533"),
    ],
)
def test_others_do_not(server: Server, name: str, password: str, data: str) -> None:
    client = server.client()
    code, diagnostic = client.simple(name, password)
    assert code == 49
    assert f"AcceptSecurityContext error, data {data}, " in diagnostic
    assert client.search(CONTEXT).code == 1


def test_a_bind_without_a_password_succeeds_as_nobody(server: Server) -> None:
    client = server.bound()
    assert client.simple(READER, "") == (0, "")
    assert client.search(CONTEXT).code == 1


def test_in_clear_a_simple_bind_is_refused(server: Server) -> None:
    code, diagnostic = server.client(tls=False).simple(READER)
    assert code == 8
    assert diagnostic.startswith("00002028:")


@pytest.mark.parametrize("bare", [False, True])
def test_ntlm_binds_over_tls_with_bindings(server: Server, bare: bool) -> None:
    server.behaviour = LdapBehaviour(channel_binding="required")
    client = server.client()
    assert client.sasl(bindings=client.end_point(), bare=bare) == (0, "")
    assert client.search(CONTEXT, scope=BASE).code == 0


@pytest.mark.parametrize(
    ("policy", "bindings", "code"),
    [
        ("required", None, 49),
        ("required", b"tls-server-end-point:other", 49),
        ("supported", None, 0),
        ("supported", b"tls-server-end-point:other", 49),
        ("none", b"tls-server-end-point:other", 0),
    ],
)
def test_bindings_are_held_against_the_policy(
    server: Server, policy: str, bindings: bytes | None, code: int
) -> None:
    server.behaviour = LdapBehaviour(channel_binding=policy)  # type: ignore[arg-type]
    told, diagnostic = server.client().sasl(bindings=bindings)
    assert told == code
    assert ("data 80090346" in diagnostic) == (code == 49)


def test_ntlm_with_a_wrong_password_is_refused(server: Server) -> None:
    code, diagnostic = server.client().sasl(password="wrong")
    assert (code, "data 52e" in diagnostic) == (49, True)


def test_a_layer_inside_of_tls_is_refused(server: Server) -> None:
    code, diagnostic = server.client().sasl(integrity=True)
    assert (code, diagnostic[:9]) == (53, "00002029:")


def test_in_clear_ntlm_has_to_bring_its_own_layer(server: Server) -> None:
    assert server.client(tls=False).sasl()[0] == 8
    client = server.client(tls=False)
    assert client.sasl(integrity=True) == (0, "")
    assert names(client.search(SERVICES, equal("cn", CA_NAME), "cn")) == [CA_NAME, CA_NAME]


def test_without_ntlm_there_is_no_sasl(server: Server) -> None:
    server.behaviour = LdapBehaviour(allows_ntlm=False)
    assert server.client().sasl()[0] == 7


def test_a_ca_is_published_with_its_certificate(server: Server) -> None:
    base = f"CN=Enrollment Services,{SERVICES}"
    ca = server.bound().search(base, equal("objectClass", "pKIEnrollmentService"), scope=ONE).only
    assert ca["cn"] == [CA_NAME.encode()]
    assert ca["dNSHostName"] == [CA_HOST.encode()]
    assert ca["certificateTemplates"] == [b"WebServer", b"UserEobo"]
    assert ca["cACertificate"] == [server.estate.domain.services[0].certificate_der]


def test_a_template_has_its_flags_as_ad_keeps_them(server: Server) -> None:
    wanted = equal("cn", "usereobo")
    template = server.bound().search(TEMPLATES, wanted, scope=ONE).only
    assert template["msPKI-Certificate-Name-Flag"] == [b"-1509949440"]
    assert template["msPKI-RA-Signature"] == [b"1"]
    assert template["msPKI-RA-Application-Policies"] == [b"1.3.6.1.4.1.311.20.2.1"]
    assert template["pKIExtendedKeyUsage"] == [b"1.3.6.1.5.5.7.3.1"]
    assert struct.unpack("<q", template["pKIExpirationPeriod"][0])[0] == -365 * 864 * 10**9
    assert "nTSecurityDescriptor" not in template


def test_a_template_of_the_first_version_has_no_signatures_to_ask_for(server: Server) -> None:
    old = replace(server.estate.domain.templates[0], schema_version=1)
    server.estate.domain = replace(server.estate.domain, templates=(old,))
    template = server.bound().search(TEMPLATES, equal("cn", "WebServer"), scope=ONE).only
    assert "msPKI-Template-Schema-Version" not in template
    assert template["displayName"] == [b"WebServer (shown)"]


def test_a_descriptor_is_given_to_who_asks_for_its_dacl(server: Server) -> None:
    client = server.bound()
    wanted = equal("cn", "UserEobo")
    attribute = "nTSecurityDescriptor"
    for flags in (None, 15):
        assert client.search(TEMPLATES, wanted, attribute, sd_flags=flags).only == {}
    (descriptor,) = client.search(TEMPLATES, wanted, attribute, sd_flags=4).only[attribute]
    enroller = f"{DOMAIN_SID}-1103"
    assert object_aces(descriptor) == {(ENROLL, enroller), (AUTO_ENROLL, enroller)}
    assert struct.unpack_from("<III", descriptor, 4) == (0, 0, 0)  # neither owner, group nor SACL


def test_an_administrator_reads_the_whole_descriptor(server: Server) -> None:
    client = server.bound("CORP\\root")
    entry = client.search(TEMPLATES, equal("cn", "WebServer"), "ntsecuritydescriptor").only
    assert all(struct.unpack_from("<IIII", entry["nTSecurityDescriptor"][0], 4))


def test_a_user_has_what_a_ca_builds_a_subject_from(server: Server) -> None:
    user = server.bound().search(CONTEXT, equal("sAMAccountName", "ADA")).only
    assert user["distinguishedName"] == [f"CN=ada,CN=Users,{CONTEXT}".encode()]
    assert sid(user["objectSid"][0]) == f"{DOMAIN_SID}-1104"
    assert user["userPrincipalName"] == [b"ada@corp.example"]
    assert user["mail"] == [b"ada@corp.example"]
    assert user["objectClass"] == [b"top", b"person", b"organizationalPerson", b"user"]
    assert user["primaryGroupID"] == [b"513"]
    assert len(user["objectGUID"][0]) == 16
    assert {"adminCount", "memberOf", "tokenGroups", "dNSHostName"}.isdisjoint(user)


def test_disabled_protected_and_machine_accounts_can_be_told(server: Server) -> None:
    client = server.bound()
    disabled = client.search(CONTEXT, equal("sAMAccountName", "gone")).only
    assert int(disabled["userAccountControl"][0]) & 2
    assert client.search(CONTEXT, equal("cn", "root")).only["adminCount"] == [b"1"]
    computer = client.search(CONTEXT, equal("objectClass", "computer")).only
    assert computer["sAMAccountName"] == [b"web01$"]
    assert computer["dNSHostName"] == [b"web01.corp.example"]
    assert computer["servicePrincipalName"] == [b"HOST/web01", b"HOST/web01.corp.example"]
    assert (computer["primaryGroupID"], "mail" in computer) == ([b"515"], False)


def test_token_groups_are_computed_for_one_object_at_a_time(server: Server) -> None:
    client = server.bound()
    dn = f"CN=svc-enroll,CN=Users,{CONTEXT}"
    group = sid(client.search(AGENTS, None, "objectSid", scope=BASE).only["objectSid"][0])
    groups = client.search(dn, None, "tokenGroups", scope=BASE).only["tokenGroups"]
    assert {sid(each) for each in groups} == {f"{DOMAIN_SID}-513", group}
    assert client.search(dn, None, "tokenGroups", scope=SUBTREE).only == {}


def test_the_netbios_name_is_in_the_partitions(server: Server) -> None:
    wanted = both(equal("objectClass", "crossRef"), equal("nCName", CONTEXT.lower()))
    base = f"CN=Partitions,{CONFIGURATION}"
    cross = server.bound().search(base, wanted, "nETBIOSName", "dnsRoot", scope=ONE).only
    assert cross == {"nETBIOSName": [b"CORP"], "dnsRoot": [b"corp.example"]}


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


def test_a_name_with_a_comma_is_one_name(server: Server) -> None:
    dn = f"CN=Lovelace\\, Ada,OU=Staff,{CONTEXT}"
    ada = replace(account("lada", 1200), distinguished_name=dn)
    server.estate.domain = replace(
        server.estate.domain, accounts=(*server.estate.domain.accounts, ada)
    )
    client = server.bound(dn)
    entry = client.search(dn, scope=BASE).only
    assert entry["cn"] == [b"Lovelace, Ada"]
    assert list(client.search(dn.replace("\\,", "\\2C").lower(), scope=BASE).entries) == [dn]
    assert client.search(f"OU=Staff,{CONTEXT}", scope=BASE).only["objectClass"] == [
        b"top",
        b"organizationalUnit",
    ]


def test_the_directory_follows_the_domain(server: Server) -> None:
    client = server.bound()
    server.estate.domain = replace(server.estate.domain, templates=())
    assert client.search(TEMPLATES, scope=ONE).entries == {}


def test_nothing_can_be_written(server: Server) -> None:
    client = server.bound()
    client.send(text(f"CN=ada,CN=Users,{CONTEXT}", 0x4A))
    tag, content = client.receive()[1]
    assert (tag, content[2]) == (0x6B, 50)


def test_who_am_i_tells_the_account(server: Server) -> None:
    client = server.bound()
    client.send(tlv(0x77, text("1.3.6.1.4.1.4203.1.11.3", 0x80)))
    assert b"u:CORP\\svc-enroll" in client.receive()[1][1]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("308400a00001"),
        bytes.fromhex("3080020101"),
        tlv(0x30, number(1)),
        tlv(0x30, number(1), tlv(0x63, text(CONTEXT))),
        tlv(0x30, number(1), tlv(0x7F, b"")),
        tlv(0x30, number(1), tlv(0x60, number(3), text("x"), tlv(0xA3, b""))),
    ],
)
def test_what_is_no_ldap_ends_the_connection(server: Server, sent: bytes) -> None:
    client = server.bound()
    client.socket.sendall(sent)
    with pytest.raises((EOFError, ConnectionError)):
        client.receive()


def test_a_filter_nested_without_end_ends_the_connection(server: Server) -> None:
    client = server.bound()
    nested = present()
    for _ in range(120):
        nested = no(nested)
    with pytest.raises((EOFError, ConnectionError)):
        client.search(CONTEXT, nested)
    assert server.bound().search(CONTEXT, scope=BASE).code == 0
