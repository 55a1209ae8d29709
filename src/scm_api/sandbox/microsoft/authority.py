"""The CA: takes requests, decides, signs, and lets certificate managers resolve and revoke."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scm_api.sandbox.documents import Document
from scm_api.sandbox.microsoft import catalogue, policy
from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.agent import Trust
from scm_api.sandbox.microsoft.attributes import read_attributes
from scm_api.sandbox.microsoft.certificates import Wanted, sign
from scm_api.sandbox.microsoft.desk import DENIED, ISSUED, PENDING, REVOKED, Reply
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.hierarchy import Authority
from scm_api.sandbox.microsoft.hresults import Refusal
from scm_api.sandbox.microsoft.policy import Decision, Policy
from scm_api.sandbox.microsoft.revocation import Revocations
from scm_api.sandbox.microsoft.simulator import Simulator
from scm_api.sandbox.microsoft.submission import PARSING, UNREADABLE, Submission, read_submission
from scm_api.sandbox.microsoft.wording import outcome, refusal_message

_FIRST_REQUEST: Final = 1


@dataclass
class IssuingDesk:
    """The CA that the site serves, and RPC beside it. Implements `desk.Desk`."""

    simulator: Simulator

    def submit(self, caller: Account, authority: str, attributes: str, request: bytes) -> Reply:
        """Hand in a PKCS#10 or CMS. Written into the ledger before it is answered."""
        if not self._is_ours(authority):
            return self._failure(Refusal(H.INVALID_ARGUMENT, PARSING))
        read = read_attributes(attributes)
        try:
            submission = read_submission(request)
        except Refusal as refusal:
            return self._failure(refusal)
        document = self._noted(caller, submission, read.lines, read.alternative_names)
        try:
            decision = policy.decide(self.policy(), caller, submission, read)
            document |= _decided(decision)
            certificate = None
            if not decision.is_pending:
                names = read.alternative_names
                wanted = policy.wanted(self.policy(), decision, submission.csr, names)
                certificate = self._signed(document, wanted)
        except Refusal as refusal:
            return self._deny(document, refusal)
        except UNREADABLE:
            return self._deny(document, Refusal(H.INVALID_DATA, PARSING))
        if certificate is None:
            return self._pend(document)
        return self._issue(document, certificate, self._word("issued"))

    def retrieve(self, caller: Account, authority: str, request_id: int) -> Reply:
        """How far a request is."""
        if not self._is_ours(authority):
            return self._failure(Refusal(H.INVALID_ARGUMENT, PARSING))
        if not self.simulator.domain.sids_of(caller) & catalogue.MAY_ENROLL:
            return self._failure(Refusal(H.ACCESS_DENIED, PARSING))
        document = self.simulator.documents.get("request", request_id)
        if document is None:
            return self._failure(Refusal(H.PROPERTY_EMPTY, PARSING))
        return self._reply(document)

    def resolve(self, manager: Account, request_id: int, *, issue: bool) -> Reply:
        """A certificate manager issues or denies a pending request. Raises Refusal."""
        document = self.simulator.documents.get("request", request_id)
        if not self.manages(manager):
            raise Refusal(H.ACCESS_DENIED)
        if document is None:
            raise Refusal(H.NO_REQUEST)
        if document["disposition"] != PENDING:
            raise Refusal(H.BAD_REQUEST_STATUS)
        who = self.simulator.domain.qualified(manager)
        if not issue:
            return self._deny(document, None, self._word("denied", who))
        now = self.policy()
        csr = x509.load_pem_x509_csr(document["csr"].encode())
        try:
            template = policy.template_of(now, (document["template"],))
            account = policy.account_of(now, document["account"])
            decision = Decision(template, account, (), is_pending=False)
            wanted = policy.wanted(now, decision, csr, document["san_attribute"])
            certificate = self._signed(document, wanted)
        except Refusal as refusal:
            return self._deny(document, refusal)
        except UNREADABLE:
            return self._deny(document, Refusal(H.INVALID_DATA, PARSING))
        return self._issue(document, certificate, self._word("resubmitted", who))

    def manages(self, account: Account) -> bool:
        """Whether an account holds "Issue and Manage Certificates"."""
        return bool(self.simulator.domain.sids_of(account) & catalogue.MAY_MANAGE)

    @property
    def site_authority(self) -> Authority:
        """The CA that answers: the issuing one, but for a site that was set up for another."""
        hierarchy = self.simulator.hierarchy
        wrong = self.simulator.behaviour.site_ca == "other"
        return hierarchy.other if wrong else hierarchy.issuing

    def policy(self) -> Policy:
        """What decisions depend on at this moment."""
        simulator = self.simulator
        trust = Trust(
            authorities=(simulator.hierarchy.issuing, simulator.hierarchy.other),
            is_revoked=Revocations(simulator).is_revoked,
            is_offline=simulator.behaviour.revocation_offline,
            now=simulator.now(),
        )
        service = simulator.domain.services[0]
        return Policy(simulator.domain, service, simulator.behaviour, trust)

    def _is_ours(self, authority: str) -> bool:
        return authority.casefold() in ("", catalogue.CA_NAME.casefold())

    def _word(self, kind: str, who: str = "") -> str:
        return outcome(kind, self.simulator.behaviour.language, who)

    def _noted(
        self,
        caller: Account,
        submission: Submission,
        lines: tuple[str, ...],
        alternative: str | None,
    ) -> Document:
        """The request as the CA keeps it, with the next number; not stored yet."""
        simulator = self.simulator
        public_key = submission.csr.public_key()
        spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        document: dict[str, Any] = {
            "ca": self.site_authority.name,
            "id": simulator.documents.next_number("request", _FIRST_REQUEST),
            "caller": simulator.domain.qualified(caller),
            "attributes": list(lines),
            "san_attribute": alternative,
            "san_attribute_honoured": bool(alternative and simulator.behaviour.san_attribute),
            "requester": submission.requester,
            "is_signed": submission.signed is not None,
            "template": None,
            "account": None,
            "agents": [],
            "csr": submission.csr.public_bytes(Encoding.PEM).decode(),
            "csr_sha256": hashlib.sha256(submission.csr_der).hexdigest(),
            "spki_sha256": hashlib.sha256(spki).hexdigest(),
            "submitted_at": simulator.now().isoformat(),
        }
        return document

    def _pend(self, document: Document) -> Reply:
        stored = document | {
            "disposition": PENDING,
            "hresult": 0,
            "message": self._word("pending"),
        }
        self._record(stored, "request")
        return self._reply(stored)

    def _deny(
        self, document: Document, refusal: Refusal | None, message: str | None = None
    ) -> Reply:
        """Refused by policy, or by a certificate manager with a message."""
        if refusal is not None:
            message = refusal_message(refusal, self.simulator.behaviour.language)
        is_new = "disposition" not in document
        stored = document | {
            "disposition": DENIED,
            "hresult": refusal.hresult if refusal else 0,
            "message": message,
        }
        self._record(stored, *(["request"] if is_new else []), "denial")
        reply = self._reply(stored)
        if refusal is None or not is_new:
            return reply
        return Reply(reply.request_id, refusal.hresult, reply.message, hresult=refusal.hresult)

    def _signed(self, document: Document, wanted: Wanted) -> x509.Certificate:
        return sign(self.simulator.hierarchy.by_name(document["ca"]), wanted)

    def _issue(self, document: Document, certificate: x509.Certificate, message: str) -> Reply:
        is_new = "disposition" not in document
        stored = document | {
            "disposition": ISSUED,
            "hresult": 0,
            "message": message,
            "certificate": certificate.public_bytes(Encoding.PEM).decode(),
            "serial": f"{certificate.serial_number:x}",
            "revocation": None,
        }
        self._record(stored, *(["request"] if is_new else []), "certificate")
        return self._reply(stored)

    def _record(self, document: Document, *kinds: str) -> None:
        """Into the ledger first, then into the database of the CA."""
        told = {name: value for name, value in document.items() if name not in _UNTOLD}
        self.simulator.note(*({"kind": kind} | told for kind in kinds))
        self.simulator.keep("request", document)

    def _reply(self, document: Document) -> Reply:
        leaf = None
        chain: tuple[bytes, ...] = ()
        if "certificate" in document:
            pem = document["certificate"].encode()
            leaf = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
            hierarchy = self.simulator.hierarchy
            chain = (hierarchy.by_name(document["ca"]).der, hierarchy.root.der)
        disposition = document["disposition"]
        if disposition == REVOKED:
            leaf, chain = None, ()
        return Reply(
            document["id"], disposition, document["message"], leaf, chain, document["hresult"]
        )

    def _failure(self, refusal: Refusal) -> Reply:
        """An error before there is a request."""
        message = refusal_message(refusal, self.simulator.behaviour.language)
        return Reply(0, refusal.hresult, message, hresult=refusal.hresult)


def _decided(decision: Decision) -> Document:
    return {
        "template": decision.template.name,
        "account": decision.account.sam,
        "agents": [f"{each.serial_number:x}" for each in decision.agents],
    }


_UNTOLD: Final = frozenset(("csr", "revocation"))
