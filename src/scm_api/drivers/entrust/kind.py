"""What the service knows about Entrust."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Final

from scm_api.core.errors import Fault
from scm_api.core.recovery import Guard
from scm_api.core.vocabulary import BackendType, CertificateType
from scm_api.drivers.base import Capabilities, Driver, Issuance, IssuingCa
from scm_api.drivers.entrust.options import (
    WHOLE_YEARS,
    EntrustConnection,
    EntrustOrderOptions,
    EntrustProfileOptions,
    EntrustSecrets,
)
from scm_api.drivers.entrust.reasons import REVOCATION_REASONS
from scm_api.drivers.kinds import (
    Ability,
    BackendKind,
    OrderOptions,
    Patience,
    ProfileFacts,
    RequestFacts,
)
from scm_api.drivers.pacing import Limiter

GATEWAY_ANSWERS: Final = timedelta(seconds=60)
"""How long CA Gateway may take to answer. It is no option: when it is safe to order again is
reckoned from it, also for what was sent before somebody changed an option."""

_CREDENTIALS: Final = {
    "ecs": ("username", "api_key"),
    "ca_gateway": ("client_certificate", "client_key"),
}


async def _open(connection: EntrustConnection, secrets: EntrustSecrets, limiter: Limiter) -> Driver:
    module = await asyncio.to_thread(import_module, "scm_api.drivers.entrust.opening")
    driver: Driver = module.open_driver(connection, secrets, limiter)
    return driver


def judge_connection(connection: EntrustConnection, secrets: EntrustSecrets) -> list[Fault]:
    """Each API has its own credentials; what belongs together is given together."""
    from scm_api.drivers.tls import tls_objection

    faults = []
    for name in _CREDENTIALS[connection.api]:
        if getattr(secrets, name) is None:
            detail = f"The API {connection.api} is called with it."
            faults.append(Fault(f"/secrets/{name}", "missing-credentials", detail))
    if connection.api == "ecs" and connection.requester is None:
        detail = "ECS refuses orders without a requester."
        faults.append(
            Fault("/options/requester", "requester-missing", detail, "name, email and phone")
        )
    certificate, key = secrets.client_certificate, secrets.client_key
    if (certificate is None) != (key is None) and connection.api == "ecs":
        detail = "A client certificate and its key are given together."
        faults.append(Fault("/secrets/client_certificate", "incomplete-credentials", detail))
    if certificate is not None and key is not None:
        objection = tls_objection(certificate, key.get_secret_value())
        if objection is not None:
            faults.append(Fault("/secrets/client_certificate", "unusable-credential", objection))
    return faults


def judge_profile(
    options: EntrustProfileOptions,
    connection: EntrustConnection,
    facts: ProfileFacts,  # noqa: ARG001 -- the contract's
) -> list[Fault]:
    """The profile is for the API that the backend speaks."""
    has = "ecs" if options.ecs else "ca_gateway"
    if has == connection.api:
        return []
    detail = f"The CA backend speaks {connection.api}, not {has}."
    return [Fault(f"/{has}", "wrong-api", detail, f"the member {connection.api}")]


def judge_request(
    options: EntrustProfileOptions,
    connection: EntrustConnection,
    issuing_cas: Sequence[IssuingCa] | None,  # noqa: ARG001 -- the contract's
    facts: RequestFacts,
) -> list[Fault]:
    """A product is for one type of certificate; names are sent beside the CSR."""
    if options.ecs is None:
        return []
    faults = [] if connection.pooling else _term_faults(facts)
    is_code = options.ecs.cert_type.endswith("CODE_SIGNING")
    meant = CertificateType.CODE_SIGNING if is_code else CertificateType.SSL
    if facts.certificate_type is not meant:
        detail = f"{options.ecs.cert_type} is a product for {meant} certificates."
        faults.append(Fault("/certificate_profile_id", "wrong-product", detail))
    return faults


def _term_faults(facts: RequestFacts) -> list[Fault]:
    """What an account without pooling is not asked for."""
    detail = "An Entrust account without pooling issues for one, two or three years."
    if facts.says_end:
        return [Fault("/not_after", "term-not-allowed", detail, "an enrollment without it")]
    if facts.term_days is None or facts.term_days in WHOLE_YEARS:
        return []
    accepted = "365, 730 or 1095 days, if the profile has them"
    return [Fault("/term_days", "term-not-allowed", detail, accepted)]


def _issuing_ca_id(options: EntrustProfileOptions) -> str:
    return options.ca_gateway.ca_id if options.ca_gateway else ""


def _publicly_trusted(options: EntrustProfileOptions) -> bool:
    return options.ecs is not None and options.ecs.cert_type not in ("PRIVATE_SSL", "PD_SSL")


def _needs_organization(options: EntrustProfileOptions) -> bool:
    return options.ecs is not None


def _validations_for(options: EntrustProfileOptions) -> frozenset[str]:
    is_ev = options.ecs is not None and options.ecs.cert_type.startswith("EV_")
    return frozenset({"ev"} if is_ev else {"ov", "ev"})


def patience(connection: EntrustConnection) -> Patience:
    """An answer that is given up too early is an order that a person has to look for."""
    if connection.api == "ca_gateway":
        return Patience(order=GATEWAY_ANSWERS)
    return Patience(order=timedelta(seconds=connection.answer_seconds))


def look_ups(connection: EntrustConnection) -> timedelta | None:
    """ECS lists neither what is APPROVED, which becomes ACTIVE, nor what is DECLINED, which must
    not be ordered again; what CA Gateway issued is in its feed."""
    if connection.api == "ca_gateway":
        return None
    return timedelta(seconds=connection.look_up_seconds)


def term_excess(connection: EntrustConnection) -> timedelta:
    """Without pooling, ECS counts in years: of up to three one has a leap day, and the last day is
    a whole one."""
    counts_years = connection.api == "ecs" and not connection.pooling
    return timedelta(days=2 if counts_years else 0)


def ends_with_day(connection: EntrustConnection) -> bool:
    """Of `certExpiryDate` only the day counts; CA Gateway takes minutes."""
    return connection.api == "ecs" and connection.pooling


def abilities(connection: EntrustConnection, _issuing_cas: object) -> tuple[Ability, ...]:
    """Whether an order whose answer was lost is ever ordered again."""
    if connection.api == "ca_gateway":
        detail = "An order whose answer was lost is in CA Gateway's feed of events, or not there."
        return (Ability("order_again", True, detail),)
    detail = (
        "ECS lists neither what it is about to issue nor what was declined. An order whose answer "
        f"was lost is looked for during {connection.look_up_seconds:g} seconds; then a person "
        "decides."
    )
    return (Ability("order_again", False, detail),)


def where_to_look(
    options: EntrustProfileOptions,
    connection: EntrustConnection,  # noqa: ARG001 -- the contract's
    csr_der: bytes,  # noqa: ARG001 -- the contract's
) -> str:
    """How to find an order whose answer was lost, and what names it."""
    if options.ca_gateway is not None:
        ca_id = options.ca_gateway.ca_id
        return f"The CA is {ca_id}; what is adopted is named by its serial number in hexadecimal."
    return (
        "In the Entrust portal, search what is issued, what waits and what was declined for the "
        "tracking information, which begins with the enrollment's id without dashes. What is "
        "adopted is named by its tracking id."
    )


def reissued(connection: EntrustConnection) -> str:
    """Of ECS alone; and what it could not reissue was ordered anew, which revokes nothing."""
    if connection.api == "ca_gateway":
        return ""
    return (
        "ECS revokes what it reissues as soon as the new certificate is there, so the one before "
        "may be revoked already: look at it in the Entrust portal, and where it is, revoke it here "
        "too, which has its status told."
    )


def added(
    options: EntrustProfileOptions, extra: EntrustOrderOptions
) -> EntrustProfileOptions | None:
    """The options of one order from ECS; CA Gateway has no place for them."""
    if options.ecs is None:
        return None
    own = {each.name for each in extra.custom_fields}
    kept = [each for each in options.ecs.custom_fields if each.name not in own]
    emails = dict.fromkeys([*options.ecs.additional_emails, *extra.additional_emails])
    product = options.ecs.model_copy(
        update={
            "requester": extra.requester or options.ecs.requester,
            "custom_fields": [*kept, *extra.custom_fields],
            "additional_emails": list(emails),
        }
    )
    return options.model_copy(update={"ecs": product})


ENTRUST: Final = BackendKind(
    type=BackendType.ENTRUST,
    title="Entrust",
    capabilities=Capabilities(
        certificate_types=frozenset(
            {CertificateType.SSL, CertificateType.CODE_SIGNING, CertificateType.DEVICE}
        ),
        needs_external_organization=True,
        issuance=Issuance.EITHER,
        duplicate_guard=Guard.LOOKUP,
        token_validity=None,
        can_revoke=True,
        revocation_reasons=frozenset(REVOCATION_REASONS),
        can_cancel=True,
        key_types=frozenset({"rsa-2048", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384"}),
        # The partners that issue for ECS begin certificates at midnight.
        backdating=timedelta(days=1),
        lists_issuing_cas=False,
        lists_templates=False,
        lists_external_organizations=True,
        lists_products=True,
        reissue_revokes=True,
        checks_orders=True,
        can_deactivate=True,
    ),
    connection_options=EntrustConnection,
    secrets=EntrustSecrets,
    profile_options=EntrustProfileOptions,
    open=_open,
    judge_connection=judge_connection,
    judge_profile=judge_profile,
    judge_request=judge_request,
    issuing_ca_id=_issuing_ca_id,
    publicly_trusted=_publicly_trusted,
    needs_organization=_needs_organization,
    validations_for=_validations_for,
    order_options=OrderOptions(EntrustOrderOptions, added),
    abilities=abilities,
    where_to_look=where_to_look,
    reissued=reissued,
    patience=patience,
    look_ups=look_ups,
    term_excess=term_excess,
    ends_with_day=ends_with_day,
)
