"""Messages of CA Service and the values they stand for. No I/O.

Source: the comments of google/cloud/security/privateca/v1/{resources,service}.proto.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages

from scm_api.core.certificate_facts import public_key_of
from scm_api.core.key_types import key_type_of
from scm_api.drivers.base import Issued, IssuingCa, Order, Template
from scm_api.drivers.gcp.names import parse, with_project
from scm_api.drivers.gcp.options import GcpProfileOptions

_REQUESTS: Final = UUID("6b2a3c0e-58f1-4d0b-9d0e-6f9c1d7a4e21")  # the namespace of request ids
_LONGEST_CHAIN: Final = 20
_CURVES: Final = {0: ("ec-p256", "ec-p384", "ed25519"), 1: ("ec-p256",), 2: ("ec-p384",)}
_State = T.CertificateAuthority.State


class Unreadable(Exception):
    """The reply is not what the API promises; the text says what is missing."""


def create_request(order: Order, options: GcpProfileOptions, *, dry: bool = False) -> Any:
    """An order under the two ids that follow from its token; `dry` has it judged only.

    An end is turned into a life from now on, so that a repeat never lasts beyond it.
    """
    resource = parse(options.certificate_authority)
    assert resource is not None
    csr = x509.load_der_x509_csr(order.csr_der)
    lifetime = timedelta(days=order.term_days)
    if order.not_after is not None:
        lifetime = timedelta(seconds=int((order.not_after - order.now).total_seconds()))
    return T.CreateCertificateRequest(
        parent=resource.pool_name,
        certificate_id=f"o-{order.token.replace('-', '')}",
        request_id="" if dry else _request_id(order.token),
        validate_only=dry,
        issuing_certificate_authority_id=resource.authority or "",
        certificate=T.Certificate(
            pem_csr=csr.public_bytes(Encoding.PEM).decode(),
            lifetime=lifetime,
            certificate_template=options.template or "",
            subject_mode=getattr(T.SubjectRequestMode, options.subject_mode.upper()),
        ),
    )


def revoke_request(name: str, reason: int) -> Any:
    """A revocation; its repeat is recognised as well."""
    known_by = _request_id(f"{name} {reason}")
    return T.RevokeCertificateRequest(name=name, reason=reason, request_id=known_by)


def _request_id(of: str) -> str:
    """The UUID by which Google recognises the repeat of a write."""
    return str(uuid5(_REQUESTS, of))


def issued(asked: Any, made: Any, project: str) -> Issued:
    """The certificate in a reply, which came for the request `asked`. Raises Unreadable.

    DevOps pools give certificates no name that could be read again, perhaps none at all.
    """
    [leaf] = ders([made.pem_certificate])
    name = made.name or f"{asked.parent}/certificates/{asked.certificate_id}"
    return Issued(with_project(name, project), leaf, ders(made.pem_certificate_chain))


def ders(pems: Sequence[str]) -> tuple[bytes, ...]:
    """Certificates in DER. Raises Unreadable."""
    if len(pems) > _LONGEST_CHAIN:
        raise Unreadable(f"it holds more than {_LONGEST_CHAIN} certificates")
    try:
        read = [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]
    except ValueError as error:
        raise Unreadable("it holds a certificate that cannot be read") from error
    return tuple(each.public_bytes(Encoding.DER) for each in read)


def anchors(reply: Any) -> tuple[str, ...]:
    """The certificates (PEM) of the CAs of a pool, from FetchCaCerts: each begins its chain."""
    return tuple(each.certificates[0] for each in reply.ca_certs if each.certificates)


def issuing_cas(pool: Any, authorities: Sequence[Any], project: str) -> list[IssuingCa]:
    """A pool and its CAs, each as something that a profile may issue from."""
    policy = _policy(pool.issuance_policy, pool.issuance_policy.baseline_values)
    any_mode = "allowed_issuance_modes" not in pool.issuance_policy
    policy |= {
        "tier": T.CaPool.Tier(pool.tier).name,
        "publishes_crl": pool.publishing_options.publish_crl,
        "allows_csr": any_mode
        or pool.issuance_policy.allowed_issuance_modes.allow_csr_based_issuance,
        "key_types": _key_types(pool.issuance_policy.allowed_key_types),
    }
    cas = [_ca(each, policy, project) for each in authorities if each.state != _State.DELETED]
    issues = [ca for ca in cas if ca.status == "ENABLED"]
    name = with_project(pool.name, project)
    whole = IssuingCa(
        id=name,
        name=f"pool {name.rpartition('/')[2]}",
        status="ENABLED" if issues else "NO_ENABLED_CA",
        usable=bool(issues),
        key_algorithm=", ".join(sorted({ca.key_algorithm or "" for ca in issues})) or None,
        not_after=max((ca.not_after for ca in issues if ca.not_after), default=None),
        facts=policy | {"kind": "pool", "states": {ca.id: ca.status for ca in cas}},
        # Those that take turns: what one of them may not sign is not ordered.
        certificate_pem="".join(ca.certificate_pem or "" for ca in issues) or None,
    )
    return [whole, *cas]


def _ca(authority: Any, policy: dict[str, Any], project: str) -> IssuingCa:
    name = with_project(authority.name, project)
    pool, _, number = name.partition("/certificateAuthorities/")
    own = authority.pem_ca_certificates[0] if authority.pem_ca_certificates else None
    certificate = x509.load_der_x509_certificate(ders([own])[0]) if own else None
    return IssuingCa(
        id=name,
        name=f"{number} in pool {pool.rpartition('/')[2]}",
        status=_State(authority.state).name,
        usable=authority.state in (_State.ENABLED, _State.STAGED) and certificate is not None,
        key_algorithm=key_type_of(public_key_of(certificate)) if certificate else None,
        not_after=certificate.not_valid_after_utc if certificate else None,
        facts=policy | {"kind": "certificate_authority", "pool": pool},
        certificate_pem=certificate.public_bytes(Encoding.PEM).decode() if certificate else None,
    )


def template(found: Any, project: str) -> Template:
    """One certificate template."""
    name = with_project(found.name, project)
    policy = _policy(found, found.predefined_values)
    usages = ", ".join(policy["extended_key_usages"]) or "what the request asks for"
    parts = [f"Extended key usages: {usages}"]
    if policy["max_term_days"] is not None:
        parts.append(f"at most {policy['max_term_days']} days")
    if not policy["passes_names"]:
        parts.append("the names of the request are dropped")
    return Template(name, name.rpartition("/")[2], True, f"{'; '.join(parts)}.", policy)


def _policy(message: Any, values: Any) -> dict[str, Any]:
    """What issuance policies and templates have in common; what is absent restricts nothing."""
    identity = message.identity_constraints if "identity_constraints" in message else None
    lifetime = message.maximum_lifetime
    return {
        "max_term_days": lifetime.days if lifetime else None,
        "passes_subject": identity is None or bool(identity.allow_subject_passthrough),
        "passes_names": identity is None or bool(identity.allow_subject_alt_names_passthrough),
        "name_rule": identity.cel_expression.expression or None if identity else None,
        "key_usages": _set(values.key_usage.base_key_usage),
        "extended_key_usages": _set(values.key_usage.extended_key_usage),
        "makes_cas": bool(values.ca_options.is_ca),
    }


def _set(flags: Any) -> list[str]:
    return [name for name in type(flags).meta.fields if getattr(flags, name)]


def _key_types(allowed: Sequence[Any]) -> list[str] | None:
    """Spelled as in `core.key_types`; None where the pool takes any."""
    found: list[str] = []
    for each in allowed:
        if "elliptic_curve" in each:
            found += _CURVES.get(int(each.elliptic_curve.signature_algorithm), ("ed25519",))
        elif "rsa" in each:
            least, most = each.rsa.min_modulus_size, each.rsa.max_modulus_size or 4096
            found += [f"rsa-{bits}" for bits in (2048, 3072, 4096) if least <= bits <= most]
    return found if allowed else None
