"""What AWS Private CA would refuse, said before it is asked. Pure functions over known facts."""

import re
from collections.abc import Sequence

from scm_api.core.errors import Fault
from scm_api.core.explain import quoted
from scm_api.drivers.aws.algorithms import EVERY_SIGNING_ALGORITHM, SIGNING_ALGORITHMS
from scm_api.drivers.aws.arns import CA_ARN_FORM, parse_ca_arn, parse_template_arn, partition_of
from scm_api.drivers.aws.options import AssumedRole, AwsConnection, AwsProfileOptions, AwsSecrets
from scm_api.drivers.aws.templates import AWS_TEMPLATES, makes_a_ca
from scm_api.drivers.aws.wire import SHORT_LIVED
from scm_api.drivers.base import IssuingCa
from scm_api.drivers.kinds import ProfileFacts, RequestFacts

_CERTIFICATE_ID = re.compile(r"[A-Za-z0-9_+=,.@-]+")

SHORT_LIVED_DAYS = 7
"""Longest life of a certificate from a CA in short-lived mode (User Guide, "CA modes")."""


def judge_connection(connection: AwsConnection, secrets: AwsSecrets) -> list[Fault]:
    """Whether the secrets are the ones that the way of signing in needs.

    Pointers are relative to a body with the members `options` and `secrets`.
    """
    mode = connection.credentials
    source = mode.source if isinstance(mode, AssumedRole) else mode.mode
    if source == "static_keys" and secrets.access_key_id is None:
        return [
            Fault(
                "/secrets/access_key_id",
                "missing-credentials",
                "These options sign in with an access key, but the secrets hold none.",
                "access_key_id with secret_access_key, or credentials of mode default_chain",
            )
        ]
    if source == "default_chain" and secrets.access_key_id is not None:
        return [
            Fault(
                "/secrets/access_key_id",
                "unused-credentials",
                "These options use the credentials of the machine; the access key would be unused.",
                "secrets without an access key, or credentials of mode static_keys",
            )
        ]
    return []


def judge_profile(
    options: AwsProfileOptions,
    connection: AwsConnection,
    facts: ProfileFacts,
) -> list[Fault]:
    """Faults of a profile's options; pointers are relative to them."""
    return _profile_faults(options, connection, facts.issuing_cas)


def judge_reference(options: AwsProfileOptions, ca_ref: str) -> list[Fault]:
    """Whether `ca_ref` can be what the profile's private CA issued; pointers are relative to a body
    with the member `ca_ref`."""
    below = f"{options.private_ca}/certificate/"
    if ca_ref.startswith(below) and _CERTIFICATE_ID.fullmatch(ca_ref, len(below)):
        return []
    detail = "It is not the ARN of a certificate of the private CA that the profile issues from."
    return [Fault("/ca_ref", "foreign-reference", detail, f"{below}<id>")]


def _profile_faults(
    options: AwsProfileOptions,
    connection: AwsConnection,
    issuing_cas: Sequence[IssuingCa] | None,
) -> list[Fault]:
    return [
        *_ca_faults(options, connection, issuing_cas),
        *_template_faults(options, connection),
        *_algorithm_faults(options, _find(issuing_cas, options.private_ca)),
    ]


def judge_request(
    options: AwsProfileOptions,
    connection: AwsConnection,
    issuing_cas: Sequence[IssuingCa] | None,
    facts: RequestFacts,
) -> list[Fault]:
    """Faults of one request under this profile; pointers are relative to the enrollment body.

    What is wrong with the profile itself by now is pointed at `/certificate_profile_id`. Key
    types and terms are judged for every backend type alike, from its capabilities,
    `IssuingCa.not_after` and `max_term_days`, and are not repeated here.
    """
    profile_faults = [
        Fault("/certificate_profile_id", fault.code, fault.detail, fault.accepted)
        for fault in _profile_faults(options, connection, issuing_cas)
    ]
    return [
        *profile_faults,
        *_csr_faults(facts),
    ]


def max_term_days(ca: IssuingCa) -> int | None:
    """The most days the private CA gives a certificate by its mode."""
    return SHORT_LIVED_DAYS if ca.facts.get("usage_mode") == SHORT_LIVED else None


def _ca_faults(
    options: AwsProfileOptions,
    connection: AwsConnection,
    issuing_cas: Sequence[IssuingCa] | None,
) -> list[Fault]:
    pointer = "/private_ca"
    arn = parse_ca_arn(options.private_ca)
    if arn is None:
        detail = f"{quoted(options.private_ca)} is not the ARN of a private CA."
        return [Fault(pointer, "malformed-arn", detail, CA_ARN_FORM)]
    if arn.region != connection.region:
        detail = f"The private CA is in {arn.region}, but the CA backend is {connection.region}."
        accepted = f"a private CA in {connection.region}"
        return [Fault(pointer, "reference-not-allowed", detail, accepted)]
    if arn.partition != partition_of(connection.region):
        detail = f"An ARN in {connection.region} does not begin with arn:{arn.partition}."
        accepted = f"arn:{partition_of(connection.region)}:acm-pca:..."
        return [Fault(pointer, "reference-not-allowed", detail, accepted)]
    if issuing_cas is None:
        return []
    found = _find(issuing_cas, options.private_ca)
    if found is None:
        detail = (
            "The CA backend's credentials see no such private CA. It belongs to another account "
            "and is not shared, it was deleted, or the list is out of date."
        )
        usable = "; ".join(ca.id for ca in issuing_cas if ca.usable)
        return [Fault(pointer, "reference-not-allowed", detail, usable or None)]
    if not found.usable:
        detail = f"The private CA {quoted(found.name)} is {found.status} and does not issue."
        return [Fault(pointer, "ca-not-usable", detail, "a private CA that is ACTIVE")]
    return []


def _template_faults(options: AwsProfileOptions, connection: AwsConnection) -> list[Fault]:
    if options.aws_template is None:
        return []
    pointer = "/aws_template"
    arn = parse_template_arn(options.aws_template)
    if arn is not None and makes_a_ca(arn.name):
        detail = f"The template {arn.name} makes CA certificates; no profile may hand those out."
        return [Fault(pointer, "template-not-allowed", detail, _accepted_templates(connection))]
    if arn is None or arn.name not in AWS_TEMPLATES:
        detail = f"{quoted(options.aws_template)} is not an end-entity template of AWS Private CA."
        return [Fault(pointer, "unknown-template", detail, _accepted_templates(connection))]
    partition = partition_of(connection.region)
    if arn.partition != partition:
        detail = f"Templates for {connection.region} are in the partition {partition}."
        accepted = f"arn:{partition}:acm-pca:::template/{arn.name}/V1"
        return [Fault(pointer, "reference-not-allowed", detail, accepted)]
    return []


def _accepted_templates(connection: AwsConnection) -> str:
    prefix = f"arn:{partition_of(connection.region)}:acm-pca:::template/<name>/V1"
    return f"{prefix} with one of the names {', '.join(AWS_TEMPLATES)}"


def _algorithm_faults(options: AwsProfileOptions, ca: IssuingCa | None) -> list[Fault]:
    algorithm = options.signature_algorithm
    if algorithm is None:
        return []
    key_algorithm = ca.key_algorithm if ca else None
    fitting = SIGNING_ALGORITHMS.get(key_algorithm or "", EVERY_SIGNING_ALGORITHM)
    if algorithm in fitting:
        return []
    detail = (
        f"{quoted(algorithm)} cannot be made with the private CA's key, {key_algorithm}."
        if algorithm in EVERY_SIGNING_ALGORITHM
        else f"{quoted(algorithm)} is not a signing algorithm of AWS Private CA."
    )
    return [
        Fault(
            "/signature_algorithm", "signature-algorithm-not-possible", detail, ", ".join(fitting)
        )
    ]


def _csr_faults(facts: RequestFacts) -> list[Fault]:
    if not facts.subject_is_empty or facts.san_is_critical:
        return []
    detail = (
        "The subject is empty, so the subjectAltName extension has to be marked critical "
        "(RFC 5280 section 4.2.1.6)."
    )
    return [Fault("/csr", "san-not-critical", detail, "a subject, or a critical subjectAltName")]


def _find(issuing_cas: Sequence[IssuingCa] | None, arn: str) -> IssuingCa | None:
    return next((ca for ca in issuing_cas or () if ca.id == arn), None)
