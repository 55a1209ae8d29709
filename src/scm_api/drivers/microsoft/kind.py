"""Microsoft AD CS as a backend type: what it can do, and rules that need no CA."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import Capabilities, Driver, Issuance, IssuingCa
from scm_api.drivers.kinds import Ability, BackendKind, OrderOptions, ProfileFacts, RequestFacts
from scm_api.drivers.microsoft.options import (
    MicrosoftConnection,
    MicrosoftOrderOptions,
    MicrosoftProfileOptions,
    MicrosoftSecrets,
)
from scm_api.drivers.microsoft.ports import NO_REVOKER, REASONS
from scm_api.drivers.pacing import Limiter
from scm_api.drivers.windows.fields import Account


async def _open(
    connection: MicrosoftConnection, secrets: MicrosoftSecrets, limiter: Limiter
) -> Driver:
    module = await asyncio.to_thread(import_module, "scm_api.drivers.microsoft.opening")
    driver: Driver = module.open_driver(connection, secrets, limiter)
    return driver


def judge_connection(connection: MicrosoftConnection, secrets: MicrosoftSecrets) -> list[Fault]:
    """Each port has a credential of the kind it logs on with; the agent's is an agent's."""
    faults = []
    for name in ("enroller", "directory", "revoker"):
        port, account = getattr(connection, name), getattr(secrets, name)
        if port is None:
            continue
        if account is None:
            detail = f"The {name} logs on with an account of its own; it may be the same one."
            faults.append(Fault(f"/secrets/{name}", "missing-credentials", detail))
            continue
        faults += _account_faults(name, port.auth, account)
        if port.auth == "kerberos" and connection.realm is None:
            detail = f"The {name} logs on with Kerberos, which needs a realm."
            faults.append(Fault("/options/realm", "missing-realm", detail, "such as CORP.EXAMPLE"))
        if getattr(port, "allow_ntlm_fallback", False) and account.password is None:
            detail = "NTLM needs the password; a keytab is for Kerberos alone."
            faults.append(Fault(f"/secrets/{name}/password", "missing-credentials", detail))
    return faults + _agent_faults(connection, secrets)


def _account_faults(name: str, auth: str, account: Account) -> list[Fault]:
    from scm_api.drivers.tls import tls_objection

    at = f"/secrets/{name}"
    if auth == "client_certificate":
        if account.client_certificate is None or account.client_key is None:
            detail = "It logs on with a client certificate and its key."
            return [Fault(f"{at}/client_certificate", "missing-credentials", detail)]
        key = account.client_key.get_secret_value()
        objection = tls_objection(account.client_certificate, key)
        if objection is not None:
            return [Fault(f"{at}/client_certificate", "unusable-credential", objection)]
        return []
    has_proof = account.password is not None or (auth == "kerberos" and account.keytab is not None)
    if account.username is None or not has_proof:
        proof = "password or keytab" if auth == "kerberos" else "password"
        detail = f"It logs on with {auth}: with a user name and a {proof}."
        return [Fault(at, "missing-credentials", detail)]
    return []


def _agent_faults(connection: MicrosoftConnection, secrets: MicrosoftSecrets) -> list[Fault]:
    from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent

    at = "/secrets/agent_certificate"
    if secrets.agent_certificate is None and secrets.agent_key is None:
        return []
    if secrets.agent_certificate is None or secrets.agent_key is None:
        detail = "The enrollment agent's certificate and its key are given together."
        return [Fault(at, "incomplete-credentials", detail)]
    try:
        agent = EnrollmentAgent(secrets.agent_certificate, secrets.agent_key.get_secret_value())
        objection = agent.objection()
    except (ValueError, TypeError):
        objection = "certificate or key cannot be read as PEM without a password"
    faults = []
    if objection is not None:
        detail = f"The enrollment agent's certificate cannot be used: {objection}."
        faults.append(Fault(at, "unusable-credential", detail))
    if connection.directory is None:
        detail = "Who is enrolled for is looked up in Active Directory."
        faults.append(Fault("/options/directory", "missing-directory", detail))
    return faults


def judge_profile(
    options: MicrosoftProfileOptions, connection: MicrosoftConnection, facts: ProfileFacts
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
    if connection.directory is None:  # then nobody knows which templates there are
        return faults
    return faults + judge_template(options, facts)


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
    facts: RequestFacts,  # noqa: ARG001 -- the template judges
) -> list[Fault]:
    """What became wrong with the profile since."""
    return _ca_faults("/certificate_profile_id", options, connection, issuing_cas)


def abilities(
    connection: MicrosoftConnection,
    issuing_cas: Sequence[IssuingCa] | None,  # noqa: ARG001 -- the contract's
) -> tuple[Ability, ...]:
    """Which ports the backend has."""
    enroller, directory, revoker = connection.enroller, connection.directory, connection.revoker
    by = "Web Enrollment" if enroller.transport == "certsrv" else "RPC (MS-ICPR)"
    no_directory = (
        "CAs and templates are not listed, templates are not judged, and nobody is enrolled for on "
        "behalf: add `directory` to the options and its credential."
    )
    return (
        Ability("enroll", True, f"Through {by} with {enroller.auth}."),
        Ability(
            "directory",
            directory is not None,
            f"Active Directory at {directory.url}." if directory else no_directory,
        ),
        Ability(
            "revoke",
            revoker is not None,
            f"By certutil through WinRM at {revoker.base_url}." if revoker else NO_REVOKER,
        ),
    )


def revocation_objection(
    options: MicrosoftProfileOptions,  # noqa: ARG001 -- the contract's
    connection: MicrosoftConnection,
    issuing_cas: Sequence[IssuingCa] | None,  # noqa: ARG001 -- the contract's
) -> str | None:
    """Why nothing is revoked through this backend."""
    return None if connection.revoker is not None else NO_REVOKER


def where_to_look(
    options: MicrosoftProfileOptions, connection: MicrosoftConnection, csr_der: bytes
) -> str:
    """How to find a request at the CA whose answer was lost."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_csr(csr_der).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    enroller = connection.enroller
    host = enroller.base_url if enroller.transport == "certsrv" else enroller.host
    behalf = ", on behalf of the account" if options.build_subject_from_ad else ""
    return (
        f"On the CA {options.issuing_ca} (reached at {host}), look through Issued Certificates, "
        "Pending Requests and Failed Requests by the column Requester Name, which is the service "
        f"account of this backend's enroller{behalf}, and by the template {options.ms_template}. "
        f"The request has the SHA-256 {hashlib.sha256(csr_der).hexdigest()}, its public key "
        f"{hashlib.sha256(spki).hexdigest()}."
    )


def _added(
    options: MicrosoftProfileOptions,
    extra: MicrosoftOrderOptions,  # noqa: ARG001 -- the account goes with the order
) -> MicrosoftProfileOptions | None:
    return options if options.build_subject_from_ad else None


def _issuing_ca_id(options: MicrosoftProfileOptions) -> str:
    return options.issuing_ca


def _no_limit(_ca: IssuingCa) -> None:
    return None


def _never(_options: MicrosoftProfileOptions) -> bool:
    return False


def _account(extra: MicrosoftOrderOptions) -> str:
    return extra.on_behalf_of


def _acknowledged(options: MicrosoftProfileOptions) -> frozenset[str]:
    return frozenset(options.acknowledged_risks)


def _needs_subject(options: MicrosoftProfileOptions) -> bool:
    return options.build_subject_from_ad


MICROSOFT: Final = BackendKind(
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
    issuing_ca_id=_issuing_ca_id,
    max_term_days=_no_limit,
    publicly_trusted=_never,
    order_options=OrderOptions(MicrosoftOrderOptions, _added, _account),
    needs_subject=_needs_subject,
    acknowledged=_acknowledged,
    abilities=abilities,
    revocation_objection=revocation_objection,
    where_to_look=where_to_look,
)
