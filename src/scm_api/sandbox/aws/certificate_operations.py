"""Operations on certificates: issue, get and revoke."""

import re
from collections.abc import Iterator

from cryptography.hazmat.primitives import serialization

from scm_api.sandbox.aws.authorities import Authority, pem
from scm_api.sandbox.aws.context import Context, Output
from scm_api.sandbox.aws.errors import ApiError
from scm_api.sandbox.aws.faults import MutateGet, MutateIssue
from scm_api.sandbox.aws.issue import Draft, draft_certificate, sign
from scm_api.sandbox.aws.mutations import GetMutation, mutate, shuffle_chain
from scm_api.sandbox.aws.resources import (
    authority_of,
    certificate_of,
    default_template_arn,
    require_status,
)
from scm_api.sandbox.aws.store import IssuedCertificate, spki
from scm_api.sandbox.aws.templates import Template, find_template


def issue_certificate(context: Context) -> Output:
    """Sign at once, but let GetCertificate say that it is still in progress for a while."""
    simulator, parameters = context.simulator, context.parameters
    template_arn = parameters.get("TemplateArn") or default_template_arn(
        parameters["CertificateAuthorityArn"]
    )
    authority = authority_of(context, template_arn)
    now = simulator.now()
    if placed := _already_ordered(context, authority, now):
        return {"CertificateArn": placed}
    _check_may_issue(context, authority, now)
    template = find_template(template_arn, authority.arn)
    draft = draft_certificate(authority, template, parameters, now)
    issued = _issue(context, authority, template, template_arn, draft, now)
    if isinstance(context.fault, MutateIssue) and context.fault.mutation == "repeated_arn":
        earlier = (c for c in simulator.store if c.arn != issued.arn)
        return {"CertificateArn": next(earlier, issued).arn}
    return {"CertificateArn": issued.arn}


def get_certificate(context: Context) -> Output:
    """The certificate and its chain, the issuing CA first and the root last."""
    authority = authority_of(context)
    issued = certificate_of(context, authority)
    now = context.simulator.now()
    require_status(authority, now, "ACTIVE", "DISABLED", "EXPIRED")
    if _in_progress(context, issued, now):
        issued.gets += 1
        raise ApiError(
            "RequestInProgressException",
            f"The request to issue certificate {issued.arn} is still in progress.",
        )
    issued.delivered = True
    if isinstance(context.fault, MutateGet):
        return _mutated_answer(context, authority, issued, context.fault.mutation)
    if issued.self_signed:
        return {"Certificate": issued.pem}
    return {"Certificate": issued.pem, "CertificateChain": authority.issued_chain_pem}


def revoke_certificate(context: Context) -> Output:
    """Revoke by serial number in hexadecimal, with or without colons, in either case.

    A CA that has expired does not revoke (User Guide, "CA status").
    """
    authority = authority_of(context)
    simulator = context.simulator
    require_status(authority, simulator.now(), "ACTIVE", "DISABLED")
    serial = _serial(context.parameters["CertificateSerial"])
    if serial == authority.certificate.serial_number and not authority.chain:
        raise _root_certificate()
    issued = simulator.store.get(certificate_arn(authority, serial))
    if issued is None:
        raise ApiError(
            "ResourceNotFoundException",
            f"Could not find a certificate with serial {serial:032x} of {authority.arn}",
        )
    if issued.self_signed:
        raise _root_certificate()
    if issued.revoked_at is not None:
        raise ApiError(
            "RequestAlreadyProcessedException", "Your request has already been completed."
        )
    reason = context.parameters["RevocationReason"]
    simulator.store.revoke(issued, reason, simulator.now(), context.origin)
    return None


def certificate_arn(authority: Authority, serial: int) -> str:
    """The id of a certificate is its serial in 32 hex digits."""
    return f"{authority.arn}/certificate/{serial:032x}"


def _already_ordered(context: Context, authority: Authority, now: float) -> str | None:
    token = context.parameters.get("IdempotencyToken")
    since = now - context.simulator.behaviour.idempotency_seconds
    context.simulator.store.forget_tokens(since)
    return context.simulator.store.ordered(authority.arn, token, since) if token else None


def _check_may_issue(context: Context, authority: Authority, now: float) -> None:
    if authority.status_at(now) != "ACTIVE":
        raise ApiError(
            "InvalidStateException",
            "The certificate authority is not in a valid state for issuing certificates",
        )
    limit = context.simulator.behaviour.certificates_per_ca
    if context.simulator.store.count(authority.arn) >= limit:
        raise ApiError(
            "LimitExceededException",
            f"An ACM Private CA quota has been exceeded: {limit} certificates per private CA.",
        )


def _issue(
    context: Context,
    authority: Authority,
    template: Template,
    template_arn: str,
    draft: Draft,
    now: float,
) -> IssuedCertificate:
    fault = context.fault if isinstance(context.fault, MutateIssue) else None
    ordered_spki = spki(draft.public_key)
    if fault:
        draft = mutate(draft, fault.mutation, fault.detail)
    strange = fault is not None and fault.mutation == "other_issuer"
    signer = _stranger(context, authority) if strange else authority
    certificate = sign(signer, draft, context.parameters["SigningAlgorithm"])
    issued = IssuedCertificate(
        arn=certificate_arn(authority, certificate.serial_number),
        authority_arn=authority.arn,
        serial=certificate.serial_number,
        der=certificate.public_bytes(serialization.Encoding.DER),
        issued_at=now,
        template_arn=template_arn,
        self_signed=template.root,
    )
    context.simulator.store.add(
        issued,
        certificate,
        context.origin,
        token=context.parameters.get("IdempotencyToken"),
        ordered_spki=ordered_spki,
        mutation=fault.mutation if fault else None,
    )
    return issued


def _in_progress(context: Context, issued: IssuedCertificate, now: float) -> bool:
    if issued.delivered:
        return False
    behaviour = context.simulator.behaviour
    waits_for_gets = issued.fresh and issued.gets < behaviour.pending_gets
    return waits_for_gets or now < issued.issued_at + behaviour.pending_seconds


def _mutated_answer(
    context: Context, authority: Authority, issued: IssuedCertificate, mutation: GetMutation
) -> Output:
    leaf = issued.pem
    chain = [pem(c) for c in (authority.certificate, *authority.chain)]
    match mutation:
        case "chain_shuffled":
            chain = shuffle_chain(chain)
        case "chain_incomplete":
            chain = chain[1:]
        case "chain_unrelated":
            chain.append(_unrelated(context, authority))
        case "other_certificate":
            others = (other.pem for other in context.simulator.store if other.arn != issued.arn)
            leaf = next(others, authority.certificate_pem)
    answer = {"Certificate": leaf}
    if chain:
        answer["CertificateChain"] = "\n".join(chain)
    return answer


def _unrelated(context: Context, authority: Authority) -> str:
    """The certificate of some CA that is not in the chain."""
    return next(_strangers(context, authority)).certificate_pem


def _stranger(context: Context, authority: Authority) -> Authority:
    """A CA that has nothing to do with this one and a key of the same kind."""
    wanted = authority.spec.key_algorithm
    others = _strangers(context, authority)
    return next(other for other in others if other.spec.key_algorithm == wanted)


def _strangers(context: Context, authority: Authority) -> Iterator[Authority]:
    chain = {authority.certificate, *authority.chain}
    for other in context.simulator.authorities:
        if other.certificate not in chain:
            yield other


def _serial(text: str) -> int:
    digits = text.replace(":", "")
    if not re.fullmatch("[0-9A-Fa-f]+", digits):  # int() takes signs, blanks and prefixes too
        raise ApiError("InvalidRequestException", f"{text!r} is not a serial number in hexadecimal")
    return int(digits, 16)


def _root_certificate() -> ApiError:
    return ApiError("InvalidRequestException", "A self-signed root certificate cannot be revoked.")
