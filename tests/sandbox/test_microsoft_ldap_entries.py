"""What the directory of the simulated domain holds: CAs, templates, accounts and their groups."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from ldap_client import both, equal
from ldap_server import BASE, CONFIGURATION, ONE, SERVICES, SUBTREE, TEMPLATES, Server, serving
from microsoft_domain import AGENTS, CA_HOST, CA_NAME, CONTEXT, DOMAIN_SID, account

ENROLL = UUID("0e10c968-78fb-11d2-90d4-00c04f79dc55")
AUTO_ENROLL = UUID("a05b8cc2-17bc-4802-a710-e7c15ab866a2")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


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
