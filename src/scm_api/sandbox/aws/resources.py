"""Finding what an ARN names, and whether the caller may do the operation there."""

import re

from scm_api.sandbox.aws.authorities import Authority
from scm_api.sandbox.aws.catalogue import SHARED_TEMPLATES, Status
from scm_api.sandbox.aws.context import Context
from scm_api.sandbox.aws.errors import ApiError, access_denied, not_found
from scm_api.sandbox.aws.store import IssuedCertificate
from scm_api.sandbox.aws.templates import DEFAULT_TEMPLATE_ARN

_AUTHORITY = r"arn:aws[\w-]*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]{36}"
_AUTHORITY_ARN = re.compile(_AUTHORITY)
_CERTIFICATE_ARN = re.compile(_AUTHORITY + r"/certificate/[0-9a-f]+")

SHARED_OPERATIONS = frozenset(
    {
        "DescribeCertificateAuthority",
        "GetCertificate",
        "GetCertificateAuthorityCertificate",
        "IssueCertificate",
    }
)
"""What the default permission of a CA shared through RAM allows other accounts."""


def authority_of(context: Context, template_arn: str | None = None) -> Authority:
    """The CA the request names, if the caller may do this operation on it.

    Raises ApiError InvalidArnException, AccessDeniedException, or ResourceNotFoundException
    (also for a CA of another region, which a regional endpoint cannot see).
    """
    arn = str(context.parameters["CertificateAuthorityArn"])
    if not _AUTHORITY_ARN.fullmatch(arn):
        raise invalid_arn(arn)
    context.caller.require(f"acm-pca:{context.operation}", arn, template_arn)
    authority = context.simulator.authorities.get(arn)
    if authority is None or authority.region != context.caller.region:
        raise not_found(arn)
    if authority.spec.owner_account != context.caller.account_id:
        _check_shared(context, authority, template_arn)
    return authority


def certificate_of(context: Context, authority: Authority) -> IssuedCertificate:
    """The certificate the request names.

    Raises ApiError InvalidArnException or ResourceNotFoundException.
    """
    arn = str(context.parameters["CertificateArn"])
    if not _CERTIFICATE_ARN.fullmatch(arn):
        raise invalid_arn(arn)
    issued = context.simulator.store.get(arn)
    if issued is None or issued.authority_arn != authority.arn:
        raise not_found(arn)
    return issued


def require_status(authority: Authority, now: float, *accepted: Status) -> None:
    """Raises ApiError InvalidStateException unless the CA is in one of the states."""
    if authority.status_at(now) not in accepted:
        raise ApiError(
            "InvalidStateException",
            "The state of the private CA does not allow this action to occur.",
        )


def default_template_arn(authority_arn: str) -> str:
    """EndEntityCertificate/V1 in the partition of the CA."""
    partition = authority_arn.split(":", 2)[1]
    return DEFAULT_TEMPLATE_ARN.replace("arn:aws:", f"arn:{partition}:", 1)


def invalid_arn(arn: str) -> ApiError:
    return ApiError("InvalidArnException", f"{arn} is not a valid Amazon Resource Name")


def _check_shared(context: Context, authority: Authority, template_arn: str | None) -> None:
    shared = authority.spec.shared_with == context.caller.account_id
    name = template_arn.rsplit("/", 2)[-2] if template_arn and "/" in template_arn else None
    if (
        shared
        and context.operation in SHARED_OPERATIONS
        and (name is None or name in SHARED_TEMPLATES)
    ):
        return
    action = f"acm-pca:{context.operation}"
    because = f"because no resource-based policy allows the {action} action"
    raise access_denied(context.caller.arn, action, authority.arn, because)
