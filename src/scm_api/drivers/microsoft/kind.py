"""Microsoft AD CS as a backend type: what it can do, and rules that need no CA."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.csr import read_csr
from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers import kinds
from scm_api.drivers.base import Capabilities, Driver, Issuance, IssuingCa
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftOrderOptions,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.drivers.microsoft.ports import NO_DIRECTORY, NO_REVOKER, REASONS
from scm_api.drivers.pacing import Limiter
from scm_api.drivers.windows.credentials import logon_faults


async def _open(
    connection: MicrosoftConnection, secrets: MicrosoftSecrets, limiter: Limiter
) -> Driver:
    module = await asyncio.to_thread(import_module, "scm_api.drivers.microsoft.opening")
    driver: Driver = module.open_driver(connection, secrets, limiter)
    return driver


def judge_connection(connection: MicrosoftConnection, secrets: MicrosoftSecrets) -> list[Fault]:
    """Each port has a credential of the kind it logs on with; the agent's is an agent's."""
    faults: list[Fault] = []
    for name in ("enroller", "directory", "revoker"):
        port, account = getattr(connection, name), getattr(secrets, name)
        if port is None:
            continue
        with_ntlm = getattr(port, "allow_ntlm_fallback", False)
        faults += logon_faults(f"/secrets/{name}", account, port.auth, with_ntlm=with_ntlm)
        if port.auth == "kerberos" and connection.realm is None:
            detail = f"The {name} logs on with Kerberos, which needs a realm."
            faults.append(Fault("/options/realm", "missing-realm", detail, "such as CORP.EXAMPLE"))
    return [*faults, *_agent_faults(connection, secrets)]


def _agent_faults(connection: MicrosoftConnection, secrets: MicrosoftSecrets) -> Iterator[Fault]:
    from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent
    from scm_api.drivers.private_keys import ACCEPTED

    at = "/secrets/agent_certificate"
    certificate, key = secrets.agent_certificate, secrets.agent_key
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        detail = "The enrollment agent's certificate and its key are given together."
        yield Fault(at, "incomplete-credentials", detail)
        return
    try:
        objection = EnrollmentAgent(certificate, key.get_secret_value()).objection()
    except (ValueError, TypeError):
        objection = f"The agent's certificate cannot be read as PEM, or its key is not {ACCEPTED}."
    if objection is not None:
        yield Fault(at, "unusable-credential", objection)
    if connection.directory is None:
        detail = "Who is enrolled for is looked up in Active Directory."
        yield Fault("/options/directory", "missing-directory", detail)


def judge_profile(
    options: MicrosoftProfileOptions, connection: MicrosoftConnection, facts: kinds.ProfileFacts
) -> list[Fault]:
    """The CA is the backend's, and the template can do what the profile wants."""
    from scm_api.drivers.microsoft.template_rules import judge_template

    faults = _ca_faults("/issuing_ca", options, connection, facts.issuing_cas)
    if options.build_subject_from_ad and connection.directory is None:
        detail = "This CA backend has no directory, in which accounts could be looked up."
        faults.append(Fault("/build_subject_from_ad", "missing-directory", detail))
    own = next((each for each in facts.issuing_cas or () if each.id == options.issuing_ca), None)
    if options.build_subject_from_ad and own and not own.facts["has_enrollment_agent"]:
        detail = "This CA backend has no enrollment agent, whose signature the CA demands."
        accepted = "agent_certificate and agent_key among the secrets of its local CA backend"
        faults.append(Fault("/build_subject_from_ad", "missing-agent", detail, accepted))
    is_known = connection.directory is not None  # which templates there are
    return faults + judge_template(options, facts) if is_known else faults


def _ca_faults(
    pointer: str,
    options: MicrosoftProfileOptions,
    connection: MicrosoftConnection,
    issuing_cas: Sequence[IssuingCa] | None,
) -> list[Fault]:
    own = connection.issuing_ca
    if options.issuing_ca != own:
        detail = f"This CA backend issues from {own}; one backend is one CA."
        return [Fault(pointer, "wrong-issuing-ca", detail, own)]
    if issuing_cas is not None and all(each.id != own for each in issuing_cas):
        known = ", ".join(sorted(each.id for each in issuing_cas)) or "none"
        detail = f"Active Directory has no CA {own}; it has {known}."
        return [Fault(pointer, "unknown-issuing-ca", detail)]
    return []


def judge_request(
    options: MicrosoftProfileOptions,
    connection: MicrosoftConnection,
    issuing_cas: Sequence[IssuingCa] | None,
    facts: kinds.RequestFacts,  # noqa: ARG001 -- the template judges
) -> list[Fault]:
    """What became wrong with the profile since."""
    return _ca_faults("/certificate_profile_id", options, connection, issuing_cas)


def abilities(connection: MicrosoftConnection, _issuing_cas: object) -> tuple[kinds.Ability, ...]:
    """Which ports the backend has."""
    enroller, directory, revoker = connection.enroller, connection.directory, connection.revoker
    by = "Web Enrollment" if enroller.transport == "certsrv" else "RPC (MS-ICPR)"
    reads = f"Active Directory at {directory.url}." if directory else NO_DIRECTORY
    revokes = f"By certutil through WinRM at {revoker.base_url}." if revoker else NO_REVOKER
    return (
        kinds.Ability("enroll", True, f"Through {by} with {enroller.auth}."),
        kinds.Ability("directory", directory is not None, reads),
        kinds.Ability("revoke", revoker is not None, revokes),
    )


def patience(connection: MicrosoftConnection) -> kinds.Patience:
    """Each port's own. Before it may come three waits: for a connection, for a look at the CA over
    it, and again where the connection was closed meanwhile."""
    order, revocation = (
        timedelta(seconds=3 * port.wait_seconds + port.answer_seconds) if port else None
        for port in (connection.enroller, connection.revoker)
    )
    return kinds.Patience(order, revocation)


def where_to_look(
    options: MicrosoftProfileOptions, connection: MicrosoftConnection, csr_der: bytes
) -> str:
    """How to find a request at the CA whose answer was lost."""
    csr, _ = read_csr(csr_der)
    assert csr is not None  # it was read when it was accepted
    enroller = connection.enroller
    host = enroller.base_url if enroller.transport == "certsrv" else enroller.host
    behalf = ", on behalf of the account" if options.build_subject_from_ad else ""
    return (
        f"On the CA {options.issuing_ca} (reached at {host}), look through Issued Certificates, "
        "Pending Requests and Failed Requests by the column Requester Name, which is the service "
        f"account of this backend's enroller{behalf}, and by the template {options.ms_template}. "
        f"The request has the SHA-256 {hashlib.sha256(csr_der).hexdigest()}, its public key "
        f"{csr.spki_sha256}."
    )


MICROSOFT: Final = kinds.BackendKind(
    type=BackendType.MICROSOFT,
    title="Microsoft AD CS",
    capabilities=Capabilities(
        certificate_types=frozenset(CertificateType),
        needs_external_organization=False,
        issuance=Issuance.EITHER,
        duplicate_guard=Guard.NONE,
        token_validity=None,
        can_revoke=True,
        revocation_reasons=frozenset(REASONS),
        can_cancel=False,
        key_types=frozenset(
            {"rsa-2048", "rsa-3072", "rsa-4096", "rsa-8192", "ec-p256", "ec-p384", "ec-p521"}
        ),
        # ClockSkewMinutes of the CA, by default.
        backdating=timedelta(minutes=10),
        lists_issuing_cas=True,
        lists_templates=True,
        # A request says nothing of it unless the CA has EDITF_ATTRIBUTEENDDATE, which is off.
        chooses_term=False,
    ),
    connection_options=MicrosoftConnection,
    secrets=MicrosoftSecrets,
    profile_options=MicrosoftProfileOptions,
    open=_open,
    judge_connection=judge_connection,
    judge_profile=judge_profile,
    judge_request=judge_request,
    issuing_ca_id=lambda options: options.issuing_ca,
    publicly_trusted=lambda _options: False,
    order_options=kinds.OrderOptions(
        MicrosoftOrderOptions,
        added=lambda options, _account: options if options.build_subject_from_ad else None,
        account=lambda extra: extra.on_behalf_of,
    ),
    needs_subject=lambda options: options.build_subject_from_ad,
    acknowledged=lambda options: frozenset(options.acknowledged_risks),
    abilities=abilities,
    revocation_objection=lambda _options, to, _cas: None if to.revoker else NO_REVOKER,
    where_to_look=where_to_look,
    patience=patience,
)
