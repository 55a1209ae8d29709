"""What CA Service would refuse, or do wrong without a word, said before it is asked. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from scm_api.core.errors import Fault
from scm_api.core.explain import quoted
from scm_api.core.key_types import KEY_TYPES
from scm_api.drivers.addresses import is_loopback_host
from scm_api.drivers.base import IssuingCa, Template
from scm_api.drivers.gcp.names import parse
from scm_api.drivers.gcp.options import GcpConnection, GcpProfileOptions, GcpSecrets
from scm_api.drivers.kinds import Ability, ProfileFacts, RequestFacts

Listed = TypeVar("Listed", IssuingCa, Template)
_CA: Final = "/certificate_authority"
_FORMS: Final = {
    _CA: "projects/P/locations/L/caPools/POOL, or .../caPools/POOL/certificateAuthorities/CA",
    "/template": "projects/P/locations/L/certificateTemplates/T",
}


def judge_connection(connection: GcpConnection, secrets: GcpSecrets) -> list[Fault]:
    """A key is given where it is used, and only there; the machine's token is for Google alone.

    That opens whatever the machine may do at Google, to whoever is sent it.
    """
    pointer, uses_key = "/secrets/service_account", connection.credentials == "service_account"
    if not uses_key and not _is_google(connection.endpoint_url):
        detail = "The token of the machine would be sent there, and is good for all it may do."
        accepted = "an address at googleapis.com, or the key of a service account"
        return [Fault("/options/endpoint_url", "endpoint-not-allowed", detail, accepted)]
    if uses_key is (secrets.service_account is not None):
        return []
    if uses_key:
        detail = "These options sign in with the key of a service account; the secrets hold none."
        return [Fault(pointer, "missing-credentials", detail, "the JSON key file, as text")]
    detail = "These options use the credentials of the machine; the key would be unused."
    return [Fault(pointer, "unused-credentials", detail, "no key")]


def _is_google(endpoint_url: str | None) -> bool:
    """Whether it is Google, or this machine, which endpoints name for the simulator alone."""
    host = urlsplit(endpoint_url or "").hostname
    return host is None or host.endswith(".googleapis.com") or is_loopback_host(host)


def judge_profile(
    options: GcpProfileOptions, connection: GcpConnection, facts: ProfileFacts
) -> list[Fault]:
    """Faults of a profile's options; pointers are relative to them."""
    ca_faults = _ca_faults(options, connection, facts.issuing_cas)
    faults = [*ca_faults, *_template_faults(options, connection, facts.templates)]
    if faults:
        return faults
    ca = _by_id(facts.issuing_cas, options.certificate_authority)
    template = _by_id(facts.templates, options.template)
    if ca is not None:
        faults += _policy_faults(_CA, f"the {ca.name}", ca.facts)
        faults += _key_faults(ca, facts.key_types)
    if template is not None:
        faults += _policy_faults("/template", f"the template {template.name}", template.facts)
    if ca is not None and template is not None:
        faults += _conflicts(ca, template)
    return faults


def judge_request(
    options: GcpProfileOptions,
    connection: GcpConnection,
    issuing_cas: Sequence[IssuingCa] | None,
    facts: RequestFacts,
) -> list[Fault]:
    """Faults of one request; what is wrong with the profile by now points at the profile."""
    faults = [
        Fault("/certificate_profile_id", each.code, each.detail, each.accepted)
        for each in _ca_faults(options, connection, issuing_cas)
    ]
    ca = _by_id(issuing_cas, options.certificate_authority)
    allowed = ca.facts["key_types"] if ca else None
    if allowed is not None and facts.key_type not in allowed:
        detail = f"The issuance policy permits no keys of type {facts.key_type}."
        faults.append(Fault("/csr", "key-not-allowed", detail, ", ".join(allowed)))
    return faults


def abilities(
    _connection: GcpConnection, issuing_cas: Sequence[IssuingCa] | None
) -> tuple[Ability, ...]:
    """What the tiers of the pools allow (Google, "Operation tiers")."""
    tiers: dict[bool, list[str]] = {True: [], False: []}
    for ca in issuing_cas or ():
        if ca.facts["kind"] == "pool":
            tiers[ca.facts["tier"] == "DEVOPS"].append(ca.id.rpartition("/")[2])
    devops, others = (", ".join(tiers[is_devops]) or "none" for is_devops in (True, False))
    where = f"Possible in Enterprise pools: {others}. Not possible in DevOps pools: {devops}."
    names = ("revoke", "read_certificates") if any(tiers.values()) else ()
    return tuple(Ability(name, bool(tiers[False]), where) for name in names)


def revocation_objection(
    options: GcpProfileOptions,
    _connection: GcpConnection,
    issuing_cas: Sequence[IssuingCa] | None,
) -> str | None:
    """Pools of the DevOps tier do not revoke."""
    ca = _by_id(issuing_cas, options.certificate_authority)
    if ca is None or ca.facts["tier"] != "DEVOPS":
        return None
    return (
        f"CA Service revokes nothing that a pool of the DevOps tier issued, as the {ca.name} is. "
        "Let it expire unused; what is to be revocable comes from a pool of the Enterprise tier."
    )


def where_to_look(options: GcpProfileOptions, connection: GcpConnection, _csr_der: bytes) -> str:
    """How to find an order whose answer was lost."""
    pool = options.certificate_authority.partition("/caPools/")[2].partition("/")[0]
    return (
        f"gcloud privateca certificates list --project {connection.project} --issuer-location "
        f"{connection.location} --issuer-pool {pool}: ours are named o- and the enrollment's id "
        "without dashes. A DevOps pool lists none; Cloud Audit Logs have its calls."
    )


def _ca_faults(
    options: GcpProfileOptions,
    connection: GcpConnection,
    issuing_cas: Sequence[IssuingCa] | None,
) -> list[Fault]:
    misplaced = _misplaced(_CA, options.certificate_authority, connection)
    if misplaced or issuing_cas is None:
        return misplaced
    found = _by_id(issuing_cas, options.certificate_authority)
    if found is None:
        usable = "; ".join(ca.id for ca in issuing_cas if ca.usable)
        detail = "There is no such pool or CA, or the credentials do not see it."
        return [Fault(_CA, "reference-not-allowed", detail, usable or None)]
    if found.usable:
        return []
    if found.facts["kind"] == "pool":
        detail = f"The {found.name} has no enabled CA; only by its name a staged one issues."
        staged = [name for name, state in found.facts["states"].items() if state == "STAGED"]
        accepted = "; ".join(["a pool with an enabled CA", *staged])
        return [Fault(_CA, "ca-not-usable", detail, accepted)]
    detail = f"The CA {found.name} is {found.status} and does not issue."
    return [Fault(_CA, "ca-not-usable", detail, "a CA that is ENABLED or STAGED, or a pool")]


def _template_faults(
    options: GcpProfileOptions, connection: GcpConnection, templates: Sequence[Template] | None
) -> list[Fault]:
    if options.template is None:
        return []
    misplaced = _misplaced("/template", options.template, connection)
    if misplaced or templates is None or _by_id(templates, options.template):
        return misplaced
    detail = "There is no such certificate template, or the credentials do not see it."
    known = "; ".join(each.id for each in templates)
    return [Fault("/template", "unknown-template", detail, known or None)]


def _misplaced(pointer: str, name: str, connection: GcpConnection) -> list[Fault]:
    """Pool and template are of the project and location of the connection."""
    found = parse(name)
    if found is None or (found.template is None) is (pointer == "/template"):
        detail = f"{quoted(name)} is not the name of such a resource."
        return [Fault(pointer, "malformed-name", detail, _FORMS[pointer])]
    if (found.project, found.location) == (connection.project, connection.location):
        return []
    detail = (
        f"It is in {found.location} of project {found.project}; the CA backend is for "
        f"{connection.location} of project {connection.project}."
    )
    accepted = f"projects/{connection.project}/locations/{connection.location}/..."
    return [Fault(pointer, "reference-not-allowed", detail, accepted)]


def _policy_faults(pointer: str, what: str, policy: Mapping[str, Any]) -> Iterator[Fault]:
    if not policy["passes_names"]:
        detail = f"Names would be dropped without a word by {what}, leaving none to issue for."
        accepted = "allow_subject_alt_names_passthrough: true"
        yield Fault(pointer, "names-dropped", detail, accepted)
    if policy["makes_cas"]:
        detail = f"CA certificates are what {what} makes; no profile may hand those out."
        yield Fault(pointer, "template-not-allowed", detail, "is_ca: false")
    usages = policy["extended_key_usages"]
    if usages and "server_auth" not in usages:
        detail = f"The extended key usages of {what} are {', '.join(usages)}: no TLS server."
        yield Fault(pointer, "template-not-allowed", detail, "server_auth among them")
    if not policy.get("allows_csr", True):
        detail = f"Certificates are not issued for CSRs by {what}, which this service sends."
        yield Fault(pointer, "csr-not-allowed", detail, "allow_csr_based_issuance: true")


def _key_faults(ca: IssuingCa, key_types: frozenset[str]) -> Iterator[Fault]:
    allowed = ca.facts["key_types"]
    refused = [each for each in KEY_TYPES if allowed is not None and each in key_types - {*allowed}]
    if refused:
        detail = f"The issuance policy of the {ca.name} permits no keys of {', '.join(refused)}."
        accepted = f"key_types of the profile: {', '.join(allowed) or 'none is possible'}"
        yield Fault(_CA, "key-type-not-supported", detail, accepted)


def _conflicts(ca: IssuingCa, template: Template) -> Iterator[Fault]:
    """Values that pool and template both lay down, differently: no certificate is issued."""
    for member in ("key_usages", "extended_key_usages"):
        pool, own = set(ca.facts[member]), set(template.facts[member])
        if pool and own and pool != own:
            detail = (
                f"The template's predefined {member} ({', '.join(sorted(own))}) conflict with the "
                f"baseline values of the {ca.name} ({', '.join(sorted(pool))})."
            )
            yield Fault("/template", "template-conflict", detail, "a template with the same values")


def _by_id(listed: Sequence[Listed] | None, wanted: str | None) -> Listed | None:
    return next((each for each in listed or () if each.id == wanted), None)
