"""Operations that read private CAs."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from scm_api.sandbox.aws.authorities import BEFORE_ACTIVATION, Authority
from scm_api.sandbox.aws.context import Context, Output
from scm_api.sandbox.aws.errors import ApiError
from scm_api.sandbox.aws.resources import authority_of, require_status


def list_certificate_authorities(context: Context) -> Output:
    """The caller's own CAs of the region, or those other accounts share with it."""
    context.caller.require("acm-pca:ListCertificateAuthorities", "*")
    simulator, caller = context.simulator, context.caller
    shared = context.parameters.get("ResourceOwner") == "OTHER_ACCOUNTS"
    visible = [
        authority
        for authority in simulator.authorities
        if authority.region == caller.region and _listed(authority, caller.account_id, shared)
    ]
    asked = context.parameters.get("MaxResults") or simulator.behaviour.list_page_limit
    size = min(asked, simulator.behaviour.list_page_limit)
    start = _position(context.parameters.get("NextToken"), len(visible))
    page = visible[start : start + size]
    output: dict[str, object] = {
        "CertificateAuthorities": [authority.describe(simulator.now()) for authority in page]
    }
    if start + size < len(visible):
        output["NextToken"] = urlsafe_b64encode(f"from {start + size}".encode()).decode()
    return output


def describe_certificate_authority(context: Context) -> Output:
    authority = authority_of(context)
    return {"CertificateAuthority": authority.describe(context.simulator.now())}


def get_certificate_authority_certificate(context: Context) -> Output:
    """The CA's certificate, and its parents unless it is a root."""
    authority = authority_of(context)
    if authority.status in BEFORE_ACTIVATION:
        require_status(authority, context.simulator.now(), "ACTIVE")
    output = {"Certificate": authority.certificate_pem}
    if authority.chain:
        output["CertificateChain"] = authority.chain_pem
    return output


def get_certificate_authority_csr(context: Context) -> Output:
    """A CSR of the CA's own key, as it is needed to renew the CA's certificate."""
    authority = authority_of(context)
    require_status(authority, context.simulator.now(), "ACTIVE", "PENDING_CERTIFICATE")
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(authority.certificate.subject)
        .add_extension(constraints, critical=True)
        .sign(authority.key, hashes.SHA256())
    )
    return {"Csr": csr.public_bytes(serialization.Encoding.PEM).decode()}


def _listed(authority: Authority, account_id: str, shared: bool) -> bool:
    owner = authority.spec.shared_with if shared else authority.spec.owner_account
    return owner == account_id


def _position(token: str | None, length: int) -> int:
    """Where the page of a NextToken starts."""
    if token is None:
        return 0
    try:
        word, _, number = urlsafe_b64decode(token.encode()).decode().partition(" ")
        position = int(number)
    except (binascii.Error, UnicodeError, ValueError):
        position, word = 0, ""
    if word != "from" or not 0 < position < length:
        raise ApiError(
            "InvalidNextTokenException",
            "The token specified in the NextToken argument is not valid. "
            "Use the token returned from your previous call to ListCertificateAuthorities.",
        )
    return position
