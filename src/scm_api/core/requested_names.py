"""Which names one certificate would carry: those of the CSR, judged against everything at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from scm_api.core.csr import CsrFacts
from scm_api.core.domain_policy import DomainPolicy, NameRules, rules_for
from scm_api.core.domains import is_public_top_level
from scm_api.core.errors import Fault
from scm_api.core.explain import handful, quoted
from scm_api.core.name_constraints import NameConstraints, judge_constraints, judge_subject
from scm_api.core.names import Name, normalise
from scm_api.core.vocabulary import CertificateType, NameKind

_CALLED_BY_NAME: Final = frozenset({CertificateType.CLIENT, CertificateType.CODE_SIGNING})
"""Types whose common name says what a person or publisher is called, which is no name to reach."""

_IA5_KINDS: Final = frozenset({NameKind.DNS, NameKind.EMAIL, NameKind.URI})


def judge_names(
    policy: DomainPolicy,
    owned_domains: Iterable[str],
    facts: CsrFacts,
    asked_names: Sequence[Name] | None,
    *,
    certificate_type: CertificateType = CertificateType.SSL,
    constraints: Sequence[NameConstraints] = (),
    directory_names: Sequence[Name] | None = None,
) -> tuple[list[Name], list[Fault]]:
    """The names the certificate would carry, normalised, and every fault of theirs.

    A CA takes the names from the CSR, or from its directory: then they are `directory_names`, and
    those of the CSR, which the CA ignores, must be among them. `asked_names`, where given, must be
    the same set in any order. `constraints` are those of the CA and of the CAs above it. Codes:
    `name-invalid`, `name-duplicate`, `names-missing`, `names-differ` (once for each place),
    `cn-not-in-san`, `san-type-not-allowed`, `name-not-allowed`, `wildcard-not-allowed`,
    `address-not-allowed`, `name-constrained`.
    """
    rules = rules_for(policy, tuple(owned_domains))
    if directory_names is not None:
        return _directory_names(rules, facts, asked_names, directory_names, constraints)
    carried, faults = _normalised(("/csr", _ia5(name)) for name in facts.names)
    asked, more_faults = _normalised(
        (f"/names/{index}", name) for index, name in enumerate(asked_names or ())
    )
    faults += more_faults
    if asked_names:
        faults += _difference_faults(carried, asked)
    elif not facts.names and certificate_type is not CertificateType.CODE_SIGNING:
        detail = "The CSR holds no subjectAltName, and nothing is made up from its subject."
        faults.append(Fault("/csr", "names-missing", detail, _sample_names(policy)))
    for common_name in facts.common_names:
        if certificate_type not in _CALLED_BY_NAME or _claims_a_name(common_name):
            faults += _common_name_faults(common_name, carried)
    for name, pointer in {**carried, **asked}.items():
        faults += rules.faults(name, pointer)
        faults += judge_constraints(name, constraints, pointer)
    faults += judge_subject(facts.subject, constraints, "/csr")
    return list(carried), faults


def _directory_names(
    rules: NameRules,
    facts: CsrFacts,
    asked_names: Sequence[Name] | None,
    directory_names: Sequence[Name],
    constraints: Sequence[NameConstraints],
) -> tuple[list[Name], list[Fault]]:
    """What a directory says of an account is judged like what a CSR says."""
    pointer = "/order_options/on_behalf_of"
    carried, faults = _normalised((pointer, name) for name in directory_names)
    ignored, more_faults = _normalised(("/csr", _ia5(name)) for name in facts.names)
    faults += more_faults
    for where, wanted in (("/csr", ignored), ("/names", asked_names or ())):
        if strange := sorted({str(name) for name in wanted if name not in carried}):
            detail = f"The directory does not have {handful(strange)} for this account."
            accepted = handful(sorted(map(str, carried))) or "no names"
            faults.append(Fault(where, "names-differ", detail, accepted))
    for name in carried:
        faults += rules.faults(name, pointer)
        faults += judge_constraints(name, constraints, pointer)
    return list(carried), faults


def _sample_names(policy: DomainPolicy) -> str:
    """A name of each kind that the profile permits, spelled as openssl takes it."""
    permitted = {
        "DNS:www.example.com": policy.fqdn or policy.host_name or policy.wildcard,
        "IP:192.0.2.1": policy.ip_address,
        "email:jo@example.com": policy.email,
        "otherName:msUPN;UTF8:jo@example.com": policy.upn,
        "URI:spiffe://example.com/": bool(policy.allowed_uris),
    }
    samples = " or ".join(sample for sample, yes in permitted.items() if yes)
    return f"a subjectAltName such as {samples} (openssl req -addext subjectAltName=...)"


def _ia5(name: Name) -> Name | Fault:
    """RFC 5280 section 4.2.1.6: these are ASCII; a CA would judge other octets than we do."""
    if name.kind not in _IA5_KINDS or name.value.isascii():
        return name
    detail = f"The CSR holds {name}, which is not ASCII."
    return Fault("/csr", "name-invalid", detail, "international names as xn-- labels")


def _normalised(
    placed: Iterable[tuple[str, Name | Fault]],
) -> tuple[dict[Name, str], list[Fault]]:
    """Each distinct name with the pointer to it, in order."""
    names: dict[Name, str] = {}
    faults: list[Fault] = []
    for pointer, given in placed:
        name = given if isinstance(given, Fault) else normalise(given, pointer)
        if isinstance(name, Fault):
            faults.append(name)
        elif name in names:
            detail = f"The name {name} is there more than once."
            faults.append(Fault(pointer, "name-duplicate", detail, "each name once"))
        else:
            names[name] = pointer
    return names, faults


def _difference_faults(carried: Iterable[Name], asked: Iterable[Name]) -> Iterator[Fault]:
    in_csr, in_body = set(carried), set(asked)
    if in_csr == in_body:
        return
    parts = []
    if smuggled := sorted(map(str, in_csr - in_body)):
        parts.append(f"only the CSR holds {handful(smuggled)}")
    if missing := sorted(map(str, in_body - in_csr)):
        parts.append(f"the CSR does not hold {handful(missing)}")
    detail = f"The names asked for and those in the CSR differ: {'; '.join(parts)}."
    for pointer in ("/csr", "/names"):
        yield Fault(pointer, "names-differ", detail, "the same names in both places")


def _claims_a_name(common_name: str) -> bool:
    """Whether the common name of a person or publisher is a name that others can own as well.

    `Jo Doe` and `jo.doe` say who somebody is; `jo@example.com`, `192.0.2.1` and
    `www.example.com` are names, which are proven only as subjectAltNames.
    """
    if "@" in common_name or isinstance(normalise(Name(NameKind.IP, common_name)), Name):
        return True
    host = normalise(Name(NameKind.DNS, common_name))
    if isinstance(host, Fault):
        return False
    rest, _, suffix = host.value.rpartition(".")
    return bool(rest) and is_public_top_level(suffix)


def _common_name_faults(common_name: str, carried: Iterable[Name]) -> Iterator[Fault]:
    found = _spelled(common_name)
    names = set(carried)
    if isinstance(found, Fault):
        detail = f"The common name has to be one of the subjectAltNames: {found.detail}"
        yield replace(found, detail=detail)
    elif not found & names:
        detail = f"The common name {quoted(common_name)} is not among the subjectAltNames."
        listed = handful(sorted(quoted(entry.value) for entry in names))
        yield Fault("/csr", "cn-not-in-san", detail, listed or "a CSR with subjectAltNames")


def _spelled(common_name: str) -> set[Name] | Fault:
    """The names a common name may mean, normalised."""
    if "@" in common_name:
        both = [normalise(Name(kind, common_name)) for kind in (NameKind.EMAIL, NameKind.UPN)]
        if names := {name for name in both if isinstance(name, Name)}:
            return names
    name = _ia5(Name(NameKind.DNS, common_name))
    if isinstance(name, Name):
        name = normalise(name, "/csr")
    if isinstance(name, Name):  # so it is no address: those end in a number or hold colons
        return {name}
    address = normalise(Name(NameKind.IP, common_name))
    return {address} if isinstance(address, Name) else name
