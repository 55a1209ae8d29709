"""The policy module: which template a request is for, whether it may be, and for whom it is."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scm_api.sandbox.microsoft import agent, catalogue
from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.attributes import Attributes, alternative_names
from scm_api.sandbox.microsoft.certificates import Wanted
from scm_api.sandbox.microsoft.domain import Account, Domain, EnrollmentService, Template
from scm_api.sandbox.microsoft.hresults import Refusal
from scm_api.sandbox.microsoft.settings import Behaviour
from scm_api.sandbox.microsoft.subjects import Names, from_ad, names_for
from scm_api.sandbox.microsoft.submission import Submission


@dataclass(frozen=True, slots=True)
class Policy:
    """What decisions depend on, as it is at the moment."""

    domain: Domain
    service: EnrollmentService
    behaviour: Behaviour
    trust: agent.Trust

    @property
    def now(self) -> datetime:
        return self.trust.now


@dataclass(frozen=True, slots=True)
class Decision:
    """A request that is in order. `account` is whom it is for, `agents` who signed for that."""

    template: Template
    account: Account
    agents: tuple[x509.Certificate, ...]
    is_pending: bool


def decide(
    policy: Policy, caller: Account, submission: Submission, attributes: Attributes
) -> Decision:
    """Raises Refusal."""
    if not submission.csr.is_signature_valid:
        raise Refusal(H.BAD_SIGNATURE, agent.VERIFYING)
    agents = ()
    if submission.signed is not None:
        agents = tuple(agent.agents_of(submission.signed, submission.csr, policy.trust))
    if not policy.domain.sids_of(caller) & catalogue.MAY_ENROLL:
        raise Refusal(H.ENROLL_DENIED)
    template = template_of(policy, (*attributes.templates, *submission.templates))
    if not may_enroll(policy, caller, template):
        raise Refusal(H.TEMPLATE_DENIED)
    _require_size(policy, template, submission.csr)
    _require_signatures(template, agents)
    account = caller
    if submission.requester is not None and agents:
        account = _represented(policy, template, submission.requester, agents)
    is_pending = bool(template.enrollment_flags & catalogue.PEND_ALL) or policy.behaviour.pends_all
    return Decision(template, account, agents, is_pending)


def wanted(
    policy: Policy, decision: Decision, csr: x509.CertificateSigningRequest, attribute: str | None
) -> Wanted:
    """What to sign. `attribute` is the SAN of the request's attributes. Raises Refusal."""
    template, account = decision.template, decision.account
    names = names_for(template, account, policy.domain, csr)
    if attribute is not None and policy.behaviour.san_attribute:
        names = Names(names.subject, (*names.alternative, *alternative_names(attribute)))
    has_sid = (
        from_ad(template)
        and template.schema_version > 1
        and not template.enrollment_flags & catalogue.NO_SECURITY_EXTENSION
    )
    return Wanted(template, names, csr, account.sid if has_sid else None, policy.now)


def template_of(policy: Policy, named: tuple[str, ...]) -> Template:
    """The template that all the names are of. Raises Refusal."""
    if not any(named):
        raise Refusal(H.NO_CERT_TYPE)
    found = {policy.domain.template(name) for name in named}
    if len({name.casefold() for name in named}) > 1 and len(found) > 1:
        raise Refusal(H.TEMPLATE_CONFLICT)
    template = found.pop()
    if template is None or template.name not in policy.service.templates:
        raise Refusal(H.UNSUPPORTED_CERT_TYPE)
    return template


def account_of(policy: Policy, name: str) -> Account:
    """Raises Refusal where the directory does not have it any more."""
    account = policy.domain.account(name)
    if account is None:
        raise Refusal(H.NONE_MAPPED)
    return account


def may_enroll(policy: Policy, account: Account, template: Template) -> bool:
    return bool(policy.domain.sids_of(account) & set(template.enroll))


def _require_size(policy: Policy, template: Template, csr: x509.CertificateSigningRequest) -> None:
    key = csr.public_key()
    counts = isinstance(key, rsa.RSAPublicKey) or policy.behaviour.size_counts_for_ecc
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise Refusal(H.KEY_LENGTH)
    if counts and key.key_size < template.minimal_key_size:
        raise Refusal(H.KEY_LENGTH)


def _require_signatures(template: Template, agents: tuple[x509.Certificate, ...]) -> None:
    if not template.ra_signatures:
        return
    if not agents:
        raise Refusal(H.SIGNATURE_POLICY_REQUIRED)
    if len(agents) < template.ra_signatures:
        raise Refusal(H.SIGNATURE_COUNT)
    needed = set(template.ra_policies)
    if any(not needed <= agent.usages_of(each) for each in agents):
        raise Refusal(H.SIGNATURE_REJECTED)


def _represented(
    policy: Policy, template: Template, requester: str, agents: tuple[x509.Certificate, ...]
) -> Account:
    """The account an agent asks for. Raises Refusal."""
    permits = template.ra_signatures or template.schema_version == 1
    if not permits and not template.enrollment_flags & catalogue.ON_BEHALF_OF:
        raise Refusal(H.BAD_RENEWAL_SUBJECT)
    if not all(catalogue.REQUEST_AGENT in agent.usages_of(each) for each in agents):
        raise Refusal(H.WRONG_USAGE, agent.VERIFYING)
    netbios, separator, _ = requester.partition("\\")
    account = policy.domain.account(requester) if separator else None
    if account is None or netbios.casefold() != policy.domain.netbios.casefold():
        raise Refusal(H.NONE_MAPPED)
    if account.disabled:
        raise Refusal(H.ACCOUNT_DISABLED)
    denied = {each.casefold() for each in policy.behaviour.agent_denied}
    if denied & {account.sam.casefold(), template.name.casefold()}:
        raise Refusal(H.RESTRICTED_OFFICER)
    if policy.behaviour.target_needs_enroll and not may_enroll(policy, account, template):
        raise Refusal(H.TEMPLATE_DENIED)
    return account
