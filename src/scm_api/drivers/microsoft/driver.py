"""The driver of AD CS: an enroller, and as far as they are set up a directory and a revoker.

AD CS has no guard against repeats: a request is known by the id in its answer alone.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from scm_api.core.certificate_facts import public_key_of
from scm_api.core.key_types import key_type_of
from scm_api.core.subjects import Subject
from scm_api.core.vocabulary import RevocationReason
from scm_api.core.x509_names import UNDECODABLE
from scm_api.drivers import errors
from scm_api.drivers.base import (
    CheckReport,
    Issued,
    IssuingCa,
    Order,
    Pending,
    Rejected,
    RevocationPending,
    Template,
)
from scm_api.drivers.microsoft.forest import Forest
from scm_api.drivers.microsoft.hresults import failure, meaning_of
from scm_api.drivers.microsoft.on_behalf import EnrollmentAgent
from scm_api.drivers.microsoft.options import MicrosoftConnection, MicrosoftProfileOptions
from scm_api.drivers.microsoft.ports import (
    NO_REVOKER,
    Answer,
    ChainSource,
    Disposition,
    Enroller,
    EnrollmentService,
    Revoker,
    TemplateRecord,
)
from scm_api.drivers.microsoft.subjects import subject_of
from scm_api.drivers.microsoft.template_rules import risks, shown

Outcome = Issued | Pending | Rejected
# A manager of the CA decides about what is pending; the worker looks less and less often.
_SOON: Final = timedelta(seconds=30)
_AGENT_DAYS: Final = 30


class MicrosoftDriver:
    """Fulfils `drivers.base.Driver`; lists CAs and templates, finds subjects."""

    def __init__(
        self,
        connection: MicrosoftConnection,
        enroller: Enroller,
        chain: ChainSource | None,
        forest: Forest,
        revoker: Revoker | None,
        agent: EnrollmentAgent | None,
    ) -> None:
        self._connection = connection
        self._enroller = enroller
        self._chain = chain
        self._forest = forest
        self._directory = forest.directory
        self._revoker = revoker
        self._agent = agent

    async def check(self) -> CheckReport:
        """See `Driver.check`. Each part is asked; the revoker may fail without the others."""
        found = await self._forest.services(anew=True)
        findings = []
        if self._directory is not None:
            published = (await self._forest.ours()).templates
            findings = _remarks(await self._directory.templates(), published)
        if self._chain is not None:
            await self._chain.ca_certificate()
        else:  # RPC has no call that does nothing; this one only looks
            with contextlib.suppress(errors.OrderRefused):
                await self._enroller.poll("1")
        if self._revoker is None:
            findings.append(NO_REVOKER)
        else:
            try:
                await self._revoker.check()
            except errors.DriverError as error:
                findings.append(f"Revocation does not work: {error.detail}")
        if self._agent is not None:
            left = self._agent.certificate.not_valid_after_utc - datetime.now(UTC)
            if left.days < _AGENT_DAYS:
                findings.append(f"The enrollment agent's certificate ends in {left.days} days.")
        return CheckReport(visible_cas=max(len(found), 1), findings=tuple(findings))

    async def submit(self, order: Order, options: MicrosoftProfileOptions) -> Outcome:
        """Hand the request in, on behalf of its account where the profile says so."""
        self._require_own_ca(options)
        request = order.csr_der
        if options.build_subject_from_ad:
            request = await self._on_behalf(order, options.ms_template)
        answer = await self._enroller.submit(request, options.ms_template)
        if answer.disposition in (Disposition.DENIED, Disposition.ERROR):
            raise _denial(answer)[1]
        return _outcome(answer)

    async def poll(self, ca_ref: str, options: MicrosoftProfileOptions) -> Outcome:
        """See `Driver.poll`. The reference may be one that a person found at the CA."""
        self._require_own_ca(options)
        if not (ca_ref.isascii() and ca_ref.isdecimal() and len(ca_ref) <= 10):
            return Rejected(ca_ref, "request-id", "A request id of AD CS is a number.")
        return _outcome(await self._enroller.poll(ca_ref))

    async def recover(self, order: Order, options: MicrosoftProfileOptions) -> Outcome:  # noqa: ARG002 -- the contract's
        """Raises OutcomeUnknown: nothing at AD CS can be searched for what we sent."""
        raise errors.OutcomeUnknown(
            f"{options.issuing_ca} cannot be asked for a request without its id."
        )

    async def revoke(
        self,
        ca_ref: str,  # noqa: ARG002 -- the contract's: AD CS revokes by serial number
        serial_number: int,
        reason: RevocationReason,
        options: MicrosoftProfileOptions,  # noqa: ARG002 -- the contract's
        *,
        pending: bool = False,  # noqa: ARG002 -- the contract's: AD CS revokes at once
    ) -> RevocationPending | None:
        """Revoke through the revoker. It shows to relying parties with the next CRL."""
        if self._revoker is None:
            raise errors.OrderRefused(NO_REVOKER, code="no-revoker")
        await self._revoker.revoke(serial_number, reason)
        return None

    async def find_subject(self, account: str, options: MicrosoftProfileOptions) -> Subject:
        """See `FindsSubjects`."""
        if self._directory is None:
            raise errors.BackendRefused("This backend has no directory.", whole_backend=False)
        templates = await self._directory.templates()
        template = next((each for each in templates if each.name == options.ms_template), None)
        if template is None:
            detail = f"Active Directory has no template {options.ms_template} any more."
            raise errors.BackendRefused(detail, whole_backend=False)
        record = await self._directory.account(account)
        denied = self._connection.denied_groups
        return subject_of(account, record, template, options.account_base, denied)

    async def issuing_cas(self) -> Sequence[IssuingCa]:
        """The CAs of the forest, of which this backend issues from one."""
        found = await self._forest.services(anew=True)
        if self._directory is None and self._chain is not None:
            name, own = self._connection.issuing_ca, await self._chain.ca_certificate()
            found = [EnrollmentService(name, name, "", own, frozenset())]
        return [self._issuing_ca(each) for each in found]

    async def templates(self) -> Sequence[Template]:
        """The templates that the CA is published with."""
        if self._directory is None:
            return []
        published = (await self._forest.ours(anew=True)).templates
        records = await self._directory.templates()
        return [shown(each) for each in records if each.name in published]

    async def aclose(self) -> None:
        """See `Driver.aclose`."""
        ports = (self._enroller, self._revoker)
        await asyncio.gather(*(each.aclose() for each in ports if each))

    def _require_own_ca(self, options: MicrosoftProfileOptions) -> None:
        """The backend may have become another CA's since, where a request id is somebody else's."""
        own = self._connection.issuing_ca
        if options.issuing_ca != own:
            detail = f"It is a matter of {options.issuing_ca}, but this backend issues from {own}."
            raise errors.BackendRefused(detail, whole_backend=False)

    async def _on_behalf(self, order: Order, template: str) -> bytes:
        """Signed for the account as it was accepted. That it still is that one, whoever submits has
        made sure right before, by `find_subject`."""
        if order.subject is None:
            raise errors.OrderRefused("The order names no account.", code="person-unknown")
        if self._agent is None:
            detail = "This backend has no enrollment agent's certificate."
            raise errors.BackendRefused(detail, whole_backend=False)
        sign = self._agent.sign
        return await asyncio.to_thread(sign, order.csr_der, order.subject.account, template)

    def _issuing_ca(self, service: EnrollmentService) -> IssuingCa:
        certificate, key, end = _own_certificate(service)
        is_ours = self._connection.issuing_ca in (service.name, service.display_name)
        return IssuingCa(
            id=self._connection.issuing_ca if is_ours else service.name,
            name=service.display_name,
            status="of this backend" if is_ours else "of another backend",
            usable=is_ours,
            key_algorithm=key,
            not_after=end,
            facts={
                "host": service.dns_host_name,
                "templates": sorted(service.templates),
                "has_enrollment_agent": is_ours and self._agent is not None,
            },
            certificate_pem=certificate,
        )


def _own_certificate(
    service: EnrollmentService,
) -> tuple[str | None, str | None, datetime | None]:
    """As PEM, with the type of its key and its end. A CA that is gone, or was never set up whole,
    may have left an entry without one."""
    try:
        found = x509.load_der_x509_certificate(service.certificate_der)
        key, end = key_type_of(public_key_of(found)), found.not_valid_after_utc
    except UNDECODABLE:
        return None, None, None
    return found.public_bytes(Encoding.PEM).decode(), key, end


def _remarks(records: Sequence[TemplateRecord], published: frozenset[str]) -> list[str]:
    """What an administrator should know of the templates, as findings."""
    found = [
        f"excessive-rights: the account that enrolls may change the template {each.name}, and so "
        "let itself be given any certificate by it; leave it Read and Enroll."
        for each in records
        if each.may_change
    ]
    for each in records:
        if each.name in published and each.may_enroll is not False:
            found += [f"unsafe-template: {risk.detail}" for risk in risks(each)]
    return found


def _outcome(answer: Answer) -> Outcome:
    """What is issued and not fetched yet is pending for no time, so that its id is kept. Only what
    the CA decided is rejected; raises `drivers.errors` for an error in place of a decision."""
    if answer.disposition is Disposition.PENDING:
        waits_for = f"a certificate manager of the CA (request {answer.request_id})"
        return Pending(answer.request_id, _SOON, waits_for)
    if answer.disposition is Disposition.ISSUED:
        if answer.leaf_der is None:
            return Pending(answer.request_id, timedelta(0), None)
        return Issued(answer.request_id, answer.leaf_der, answer.chain_ders)
    symbol, error = _denial(answer)
    if answer.disposition is Disposition.ERROR or isinstance(error, errors.BackendUnavailable):
        raise error
    return Rejected(answer.request_id, symbol, error.detail)


def _denial(answer: Answer) -> tuple[str, errors.DriverError]:
    """The code's symbol and what follows from it."""
    symbol, error, words = "denied", None, answer.message or "nothing"
    if answer.hresult is not None:
        symbol, error = meaning_of(answer.hresult).symbol, failure(answer.hresult, words)
    detail = f"The CA denied request {answer.request_id or 'without a number'}: {words}"
    return symbol, error or errors.OrderRefused(detail, code=symbol)
