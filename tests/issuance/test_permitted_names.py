"""What profile and CA say about names is asked before anything is stored or ordered."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import func, select, update

from api_client import faults_of
from csrs import csr_for, new_key
from estate import Chain, Estate
from scm_api.db.models import CaChoices
from scm_api.db.session import Database
from settlement import Enrolling
from simulator import EC_ISSUING, Simulator


async def _refused(chain: Chain, enrolling: Enrolling, *names: str) -> set[tuple[str, str]]:
    body = {
        "organization_id": chain.organization["id"],
        "certificate_profile_id": chain.profile["id"],
        "csr": csr_for(*names),
    }
    return faults_of(await enrolling.api.post("/enrollments", body, 422))


async def test_a_policy_is_applied_as_it_was_saved(estate: Estate, simulator: Simulator) -> None:
    chain = await estate.chain(
        domain_policy={
            "wildcard": True,
            "wildcard_depth": 0,
            "denied_domains": ["vault.example.com"],
        }
    )
    enrolling = Enrolling(estate.api, chain)
    assert await _refused(chain, enrolling, "*.a.example.com") == {("/csr", "wildcard-not-allowed")}
    assert await _refused(chain, enrolling, "vault.example.com") == {("/csr", "name-not-allowed")}
    assert await _refused(chain, enrolling, "*.example.com") == {("/csr", "name-not-allowed")}
    assert simulator.calls("IssueCertificate") == []


@pytest.mark.usefixtures("worker")
async def test_a_name_longer_than_its_row_is_renewed(estate: Estate) -> None:
    policy = {"allowed_uris": ["spiffe://prod.example.com"]}
    chain = await estate.chain(domain_policy=policy, renew_with_same_key=True)
    enrolling = Enrolling(estate.api, chain)
    workload = x509.UniformResourceIdentifier(f"spiffe://prod.example.com/{'shop/' * 120}")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = request.add_extension(x509.SubjectAlternativeName([workload]), critical=True)
    pem = request.sign(new_key(), hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    first = await enrolling.issued(csr=pem)
    path = f"/certificates/{first['id']}/renew"
    made = await estate.api.post(path, {"csr": pem}, 202)
    assert (await enrolling.settled(made["enrollment_id"]))["state"] == "issued"


async def test_what_the_ca_may_not_sign_is_not_ordered(
    chain: Chain, enrolling: Enrolling, database: Database, simulator: Simulator
) -> None:
    await _become(database, _narrow_ca())
    assert await _refused(chain, enrolling, "www.example.com") == {("/csr", "name-constrained")}
    await _become(database, "not a certificate")
    assert await _refused(chain, enrolling, "www.example.com") == {
        ("/certificate_profile_id", "ca-not-usable")
    }
    assert simulator.calls("IssueCertificate") == []


async def _become(database: Database, pem: str) -> None:
    """Have this as the certificate of the CA, as if it had been read from there."""
    async with database.transaction() as session:
        listed = CaChoices.kind == "issuing_cas"
        kept = (await session.scalars(select(CaChoices).where(listed).with_for_update())).one()
        items = [
            item | ({"certificate_pem": pem} if item["id"] == EC_ISSUING else {})
            for item in kept.items
        ]
        assert items != kept.items
        changed = update(CaChoices).where(listed)
        await session.execute(changed.values(items=items, fetched_at=func.now()))


def _narrow_ca() -> str:
    key, now = new_key(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Narrow CA")])
    permitted = x509.NameConstraints([x509.DNSName("internal.example.com")], None)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(permitted, critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()
