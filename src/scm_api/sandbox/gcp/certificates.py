"""Issuing, finding and revoking certificates."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.rpc import code_pb2

from scm_api.sandbox.authority import Hierarchy, Wanted
from scm_api.sandbox.gcp.errors import Refusal, invalid, not_found, precondition
from scm_api.sandbox.gcp.policy import Names, constrained, require_key, require_lifetime
from scm_api.sandbox.gcp.simulator import Simulator, authority_name

_NUMBER: Final = re.compile(r"[a-zA-Z0-9_-]{1,63}")
_REMEMBERED: Final = timedelta(minutes=60)
_State = T.CertificateAuthority.State
_ENTERPRISE: Final = T.CaPool.Tier.ENTERPRISE


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that may be carried out, and who signs it."""

    name: str
    authority: str
    names: Names
    key: Any


def create(simulator: Simulator, request: Any) -> Any:
    """One certificate, at once. The same request id within the hour is answered as before."""
    before = _answered(simulator, request)
    if before is not None:
        return before
    pool = pool_of(simulator, request.parent)
    asked = _judged(simulator, pool, request)
    made = T.Certificate(
        name=asked.name,
        pem_csr=request.certificate.pem_csr,
        lifetime=request.certificate.lifetime,
        certificate_template=request.certificate.certificate_template,
        labels=request.certificate.labels,
        issuer_certificate_authority=asked.authority,
        create_time=simulator.now(),
        update_time=simulator.now(),
    )
    if request.validate_only:
        return made
    simulator.admit(asked.authority, T.CaPool.Tier(pool.tier).name)
    _sign(simulator, made, asked)
    _keep(simulator, request, pool, made)
    return made


def pool_of(simulator: Simulator, name: str) -> Any:
    """A pool by its resource name. Raises Refusal."""
    pool = simulator.pools.get(name)
    if pool is None:
        raise not_found(name)
    return pool


def get(simulator: Simulator, request: Any) -> Any:
    """A certificate by its name; of Enterprise pools only."""
    pool_name, _, _ = request.name.partition("/certificates/")
    _require_enterprise(pool_of(simulator, pool_name))
    document = _document(simulator, request.name)
    return T.Certificate.deserialize(bytes.fromhex(document["message"]))


def listed(simulator: Simulator, request: Any) -> Any:
    """The certificates of a pool, or of every pool by `-`, in pages."""
    pool_name = request.parent
    if not pool_name.endswith("/caPools/-"):
        _require_enterprise(pool_of(simulator, pool_name))
    prefix = f"{pool_name.removesuffix('/-')}/"
    found = [
        each for each in simulator.documents.of("certificate") if each["name"].startswith(prefix)
    ]
    begin = int(request.page_token or 0)
    size = min(request.page_size or 500, 1000)
    page = found[begin : begin + size]
    after = begin + size
    return T.ListCertificatesResponse(
        certificates=[T.Certificate.deserialize(bytes.fromhex(each["message"])) for each in page],
        next_page_token=str(after) if after < len(found) else "",
    )


def revoke(simulator: Simulator, request: Any) -> Any:
    """Revoke once; what is revoked stays so."""
    certificate = get(simulator, T.GetCertificateRequest(name=request.name))
    if "revocation_details" in certificate:
        raise precondition(f"Certificate '{request.name}' is already revoked.")
    certificate.revocation_details = T.Certificate.RevocationDetails(
        revocation_state=request.reason, revocation_time=simulator.now()
    )
    certificate.update_time = simulator.now()
    document = _document(simulator, request.name)
    simulator.ledger.append(
        {
            "kind": "revocation",
            "name": request.name,
            "reason": T.RevocationReason(request.reason).name,
        }
    )
    document["message"] = T.Certificate.serialize(certificate).hex()
    simulator.documents.put("certificate", document)
    return certificate


def _judged(simulator: Simulator, pool: Any, request: Any) -> _Asked:
    wanted = request.certificate
    number = request.certificate_id if pool.tier == _ENTERPRISE else str(uuid.uuid4())
    if not _NUMBER.fullmatch(number):
        raise invalid("certificate_id", "The certificate id must match [a-zA-Z0-9_-]{1,63}.")
    name = f"{pool.name}/certificates/{number}"
    if any(each["name"] == name for each in simulator.documents.of("certificate")):
        raise Refusal(code_pb2.ALREADY_EXISTS, f"Resource '{name}' already exists")
    template = _template(simulator, wanted.certificate_template)
    policy = pool.issuance_policy
    most = (policy.maximum_lifetime, template.maximum_lifetime if template else None)
    require_lifetime(wanted.lifetime or timedelta(0), *most)
    csr = _csr(wanted)
    require_key(csr.public_key(), policy.allowed_key_types)
    constraints = [
        each.identity_constraints
        for each in (policy, template)
        if each is not None and "identity_constraints" in each
    ]
    names = constrained(_names(wanted, csr), constraints)
    authority = _authority(simulator, pool.name, request.issuing_certificate_authority_id)
    return _Asked(name, authority, names, csr.public_key())


def _template(simulator: Simulator, name: str) -> Any:
    if not name:
        return None
    if name not in simulator.templates:
        raise not_found(name)
    return simulator.templates[name]


def _csr(wanted: Any) -> x509.CertificateSigningRequest:
    pem = wanted.pem_csr.encode() or wanted.config.public_key.key
    try:
        csr = x509.load_pem_x509_csr(pem)
    except ValueError as error:
        raise invalid("certificate.pem_csr", "The CSR could not be parsed.") from error
    if not csr.is_signature_valid:
        raise invalid("certificate.pem_csr", "The signature of the CSR is invalid.")
    return csr


def _names(wanted: Any, csr: x509.CertificateSigningRequest) -> Names:
    """Those of the CSR, or of the config, which takes nothing but the key from it."""
    if wanted.pem_csr:
        try:
            found = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return Names(csr.subject, ())
        return Names(csr.subject, tuple(found))
    config = wanted.config.subject_config
    common_name = config.subject.common_name
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)] if common_name else []
    names = tuple(x509.DNSName(each) for each in config.subject_alt_name.dns_names)
    return Names(x509.Name(attributes), names)


def _authority(simulator: Simulator, pool: str, number: str) -> str:
    """The CA that is named, staged or enabled; else one that is enabled."""
    if number:
        name = authority_name(pool, number)
        state = simulator.states.get(name)
        if state is None:
            raise not_found(name)
        if state not in (_State.ENABLED, _State.STAGED):
            raise precondition(f"The certificate authority '{name}' is {_State(state).name}.")
        return name
    for name, state in simulator.states.items():
        if name.startswith(f"{pool}/") and state == _State.ENABLED:
            return name
    raise precondition(f"The pool '{pool}' has no enabled certificate authority.")


def _sign(simulator: Simulator, made: Any, asked: _Asked) -> None:
    hierarchy = simulator.hierarchies[asked.authority]
    begin = simulator.now().replace(microsecond=0)
    leaf = hierarchy.sign(
        Wanted(
            public_key=asked.key,
            subject=asked.names.subject,
            names=asked.names.alternatives,
            signature_hash="sha256",
            not_before=begin,
            not_after=_end(begin, made.lifetime, hierarchy),
        )
    )
    made.pem_certificate = _pem(leaf)
    made.pem_certificate_chain = [_pem(each) for each in (hierarchy.issuing, hierarchy.root)]
    made.certificate_description = T.CertificateDescription(
        subject_description=T.CertificateDescription.SubjectDescription(
            hex_serial_number=f"{leaf.serial_number:x}",
            not_before_time=leaf.not_valid_before_utc,
            not_after_time=leaf.not_valid_after_utc,
        )
    )


def _end(begin: datetime, lifetime: timedelta, hierarchy: Hierarchy) -> datetime:
    """Past the CA's own end it is cut without a word. Notafter is the last second of the life."""
    return min(begin + lifetime - timedelta(seconds=1), hierarchy.issuing.not_valid_after_utc)


def _keep(simulator: Simulator, request: Any, pool: Any, made: Any) -> None:
    """Into the ledger before it is answered; DevOps pools keep nothing that can be read."""
    simulator.ledger.append(
        {
            "kind": "certificate",
            "name": made.name,
            "request_id": request.request_id,
            "authority": made.issuer_certificate_authority,
            "serial_number": made.certificate_description.subject_description.hex_serial_number,
        }
    )
    message = T.Certificate.serialize(made).hex()
    documents = simulator.documents
    if pool.tier == _ENTERPRISE:
        number = documents.next_number("certificate", 1)
        documents.put("certificate", {"id": number, "name": made.name, "message": message})
    if request.request_id:
        number = documents.next_number("request", 1)
        answered = {"id": number, "request_id": request.request_id, "message": message}
        documents.put("request", answered | {"at": simulator.now().timestamp()})


def _answered(simulator: Simulator, request: Any) -> Any:
    if not request.request_id or request.validate_only:
        return None
    since = (simulator.now() - _REMEMBERED).timestamp()
    for each in simulator.documents.of("request"):
        if each["request_id"] == request.request_id and each["at"] >= since:
            return T.Certificate.deserialize(bytes.fromhex(each["message"]))
    return None


def _document(simulator: Simulator, name: str) -> dict[str, Any]:
    for each in simulator.documents.of("certificate"):
        if each["name"] == name:
            return each
    raise not_found(name)


def _require_enterprise(pool: Any) -> None:
    if pool.tier != _ENTERPRISE:
        raise precondition("The operation is not supported for a CA pool in the DEVOPS tier.")


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def chains(hierarchies: Sequence[Hierarchy]) -> Iterator[Any]:
    """One chain for each CA: its own certificate first, the root last."""
    for each in hierarchies:
        pems = [_pem(each.issuing), _pem(each.root)]
        yield T.FetchCaCertsResponse.CertChain(certificates=pems)


def signed_again(simulator: Simulator, made: Any, leaf: x509.Certificate, key: Any) -> str:
    """The same certificate for another key, in PEM."""
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = Wanted(
        public_key=key,
        subject=leaf.subject,
        names=tuple(found),
        signature_hash="sha256",
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )
    return _pem(simulator.hierarchies[made.issuer_certificate_authority].sign(wanted))
