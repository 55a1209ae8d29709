"""What pool and template let pass. Pure: it raises Refusal or returns what is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages

from scm_api.sandbox.gcp.errors import invalid, precondition

_SIGNATURES: Final = {
    "secp256r1": T.CaPool.IssuancePolicy.AllowedKeyType.EcKeyType.EcSignatureAlgorithm.ECDSA_P256,
    "secp384r1": T.CaPool.IssuancePolicy.AllowedKeyType.EcKeyType.EcSignatureAlgorithm.ECDSA_P384,
}
_EDDSA: Final = T.CaPool.IssuancePolicy.AllowedKeyType.EcKeyType.EcSignatureAlgorithm.EDDSA_25519
_KINDS: Final = {"DNS": 1, "URI": 2, "EMAIL": 3, "IP_ADDRESS": 4, "CUSTOM": 5}


@dataclass(frozen=True, slots=True)
class Names:
    """Subject and names of a certificate to be."""

    subject: x509.Name
    alternatives: tuple[x509.GeneralName, ...]


def require_key(key: Any, allowed: Sequence[Any]) -> None:
    """Whether the pool takes the key; an empty list takes any."""
    if allowed and not any(_matches(key, each) for each in allowed):
        raise invalid(
            "certificate.public_key", "The public key is not permitted by the issuance policy."
        )


def _matches(key: Any, allowed: Any) -> bool:
    if isinstance(key, rsa.RSAPublicKey) and "rsa" in allowed:
        least, most = allowed.rsa.min_modulus_size, allowed.rsa.max_modulus_size
        return bool(key.key_size >= least and (most == 0 or key.key_size <= most))
    if "elliptic_curve" not in allowed:
        return False
    wanted = allowed.elliptic_curve.signature_algorithm
    if isinstance(key, ed25519.Ed25519PublicKey):
        return wanted in (0, _EDDSA)
    is_ec = isinstance(key, ec.EllipticCurvePublicKey)
    return is_ec and wanted in (0, _SIGNATURES.get(key.curve.name))


def require_lifetime(asked: timedelta, *maxima: timedelta | None) -> None:
    """Beyond what pool or template allow is an error, unlike beyond the CA's own end."""
    if asked <= timedelta(0):
        raise invalid("certificate.lifetime", "The lifetime must be positive.")
    for most in maxima:
        if most and asked > most:
            raise invalid(
                "certificate.lifetime", f"The lifetime exceeds the maximum lifetime of {most}."
            )


def constrained(names: Names, constraints: Sequence[Any]) -> Names:
    """What is not passed through is dropped without a word; an expression that is false refuses."""
    for each in constraints:
        if not each.allow_subject_passthrough:
            names = Names(x509.Name([]), names.alternatives)
        if not each.allow_subject_alt_names_passthrough:
            names = Names(names.subject, ())
        expression = each.cel_expression.expression
        if expression and not _holds(expression, names):
            raise precondition(
                "The requested subject or subject alternative names do not satisfy the identity "
                f"constraint: {expression}"
            )
    return names


def _holds(expression: str, names: Names) -> bool:
    import cel  # brings a command line along, which no start needs to wait for

    subject = {"common_name": "", "organization": ""}
    for attribute in names.subject:
        subject[attribute.rfc4514_attribute_name.lower()] = str(attribute.value)
        if attribute.oid == x509.NameOID.COMMON_NAME:
            subject["common_name"] = str(attribute.value)
    alternatives = [_alternative(name) for name in names.alternatives]
    context = {"subject": subject, "subject_alt_names": alternatives} | _KINDS
    return bool(cel.evaluate(expression, context))


def _alternative(name: x509.GeneralName) -> dict[str, Any]:
    match name:
        case x509.DNSName():
            kind = "DNS"
        case x509.UniformResourceIdentifier():
            kind = "URI"
        case x509.RFC822Name():
            kind = "EMAIL"
        case x509.IPAddress():
            kind = "IP_ADDRESS"
        case _:
            return {"value": "", "type": _KINDS["CUSTOM"]}
    return {"value": str(name.value), "type": _KINDS[kind]}
