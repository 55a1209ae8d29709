"""Having the CA revoke, until it did or said no.

Revoking may be repeated: a CA that did it before says so, and drivers count that as done. So no
claim is needed, only that the outcome is written once.
"""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from scm_api.core.pace import poll_interval, retry_interval
from scm_api.core.vocabulary import BackendStatus, RevocationReason, RevocationState
from scm_api.correlation import follow
from scm_api.db.audit import record
from scm_api.db.models import Certificate, CertificateProfileVersion, Enrollment
from scm_api.db.session import Database
from scm_api.db.statements import changed_rows
from scm_api.drivers.base import RevocationPending
from scm_api.drivers.errors import (
    BackendRefused,
    BackendUnavailable,
    DriverError,
    OrderRefused,
    OutcomeUnknown,
)
from scm_api.gateway.connections import Connection, Gateway, connection_of
from scm_api.gateway.health import record_health
from scm_api.issuance.rules import ProfileRules
from scm_api.worker.bulkhead import Bulkhead
from scm_api.worker.clock import boottime
from scm_api.worker.crash import CrashPoints, Point
from scm_api.worker.limits import Limits
from scm_api.worker.planning import REFUSED_WAIT
from scm_api.worker.telling import tell

_ON_THE_WAY = (RevocationState.REQUESTED, RevocationState.PENDING_CA)
_LOADED = (*_ON_THE_WAY, RevocationState.SCHEDULED)
_EVENTS = {
    RevocationState.PENDING_CA: "revocation_accepted_by_ca",
    RevocationState.DONE: "revoked",
    RevocationState.REFUSED: "revocation_refused",
}


class Revocation:
    """Carries out requested revocations."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        limits: Limits,
        crash: CrashPoints,
        bulkhead: Bulkhead,
        clock: Callable[[], float] = boottime,
    ) -> None:
        self._clock = clock
        self._database = database
        self._gateway = gateway
        self._limits = limits
        self._crash = crash
        self._bulkhead = bulkhead
        # When one more may ask a CA that refused us, by connection and version of it.
        self._refused: dict[tuple[UUID, int], float] = {}

    async def revoke(self, certificate_id: UUID, tries: int) -> timedelta | None:
        """Ask the CA once; returns how long to wait before asking again, None when settled."""
        found = await self._load(certificate_id)
        if found is None:
            return None
        certificate, connection, options, wait = found
        follow(
            certificate.revocation_request_id,
            ca_backend_id=certificate.ca_backend_id,
            attempt=tries + 1,
        )
        if certificate.revocation_state == RevocationState.SCHEDULED:
            return max(wait, timedelta(seconds=0.1))
        if (held_off := self._held_off(connection)) is not None:
            return held_off
        if self._bulkhead.is_full(connection.local_ca_backend_id):
            return self._bulkhead.turn(connection.local_ca_backend_id)
        try:
            with self._bulkhead.entered(connection.local_ca_backend_id):
                waiting = await self._asked(certificate, connection, options)
        except (BackendUnavailable, OutcomeUnknown, TimeoutError) as error:
            why = str(error) or "The CA did not answer in time."
            await self._say_why(certificate, why)
            asked = error.retry_after if isinstance(error, BackendUnavailable) else None
            return retry_interval(tries, asked, random.random())  # noqa: S311 -- jitter
        except BackendRefused as error:
            await self._say_why(certificate, error.detail)
            if error.whole_backend:
                self._ask_again_in(REFUSED_WAIT, connection)
                await self._backend_refused(connection, error.detail)
            return REFUSED_WAIT
        except OrderRefused as error:
            self._refused.pop(_version_of(connection), None)
            await self._record(certificate, RevocationState.REFUSED, error.detail)
            return None
        if waiting is not None:
            await self._is_pending(certificate, waiting)
            return poll_interval(tries, waiting.poll_after, random.random())  # noqa: S311 -- jitter
        await self._record(certificate, RevocationState.DONE, None)
        return None

    async def _asked(
        self, certificate: Certificate, connection: Connection, options: Any
    ) -> RevocationPending | None:
        try:
            waiting = await self._ask(certificate, connection, options)
        except (DriverError, TimeoutError) as error:
            tell("revoke", error)
            raise
        tell("revoke", waiting or "revoked")
        return waiting

    async def _ask(
        self, certificate: Certificate, connection: Connection, options: Any
    ) -> RevocationPending | None:
        deadline = self._limits.of_revocations_at(connection).write_deadline
        driver = await self._gateway.driver(connection)
        self._crash.passing(Point.BEFORE_SEND)
        async with asyncio.timeout(deadline.total_seconds()):
            waiting = await driver.revoke(
                certificate.ca_ref,
                int(certificate.serial_number, 16),
                RevocationReason(str(certificate.revocation_reason)),
                options,
                pending=certificate.revocation_state == RevocationState.PENDING_CA,
            )
        self._crash.passing(Point.AFTER_REPLY)
        self._refused.pop(_version_of(connection), None)
        return waiting

    def _held_off(self, connection: Connection) -> timedelta | None:
        """How long to wait because the CA refused our credentials: asked by each of many, it might
        lock the account. One finds out whether they are mended; the others wait for its answer."""
        again_at = self._refused.get(_version_of(connection))
        if again_at is None:
            return None
        now = self._clock()
        if again_at > now:
            return timedelta(seconds=again_at - now)
        self._ask_again_in(self._limits.of_revocations_at(connection).write_deadline, connection)
        return None

    def _ask_again_in(self, wait: timedelta, connection: Connection) -> None:
        self._refused[_version_of(connection)] = self._clock() + wait.total_seconds()

    async def _load(
        self, certificate_id: UUID
    ) -> tuple[Certificate, Connection, Any, timedelta] | None:
        """What is to be revoked, and how long it is until then."""
        effective_at = func.coalesce(Certificate.revocation_effective_at, func.now())
        async with self._database.transaction() as session:
            # Waits for whoever is taking it back, and from then on nobody can any more.
            await session.execute(
                update(Certificate)
                .where(
                    Certificate.id == certificate_id,
                    Certificate.revocation_state == RevocationState.SCHEDULED.value,
                    Certificate.revocation_effective_at <= func.clock_timestamp(),
                )
                .values(revocation_state=RevocationState.REQUESTED.value)
            )
            row = (
                await session.execute(
                    select(
                        Certificate,
                        CertificateProfileVersion.rules,
                        (effective_at - func.clock_timestamp()).label("wait"),
                    )
                    .join(Enrollment, Enrollment.id == Certificate.enrollment_id)
                    .join(
                        CertificateProfileVersion,
                        (
                            CertificateProfileVersion.certificate_profile_id
                            == Enrollment.certificate_profile_id
                        )
                        & (CertificateProfileVersion.version == Enrollment.profile_version),
                    )
                    .where(
                        Certificate.id == certificate_id,
                        Certificate.revocation_state.in_(_LOADED),
                    )
                )
            ).one_or_none()
            if row is None:
                return None
            connection = await connection_of(session, row.Certificate.ca_backend_id)
        options = ProfileRules.model_validate(row.rules).typed_options
        return row.Certificate, connection, options, row.wait

    async def _is_pending(self, certificate: Certificate, waiting: RevocationPending) -> None:
        """Say that the CA has it, and what it waits for; that is one change, whatever it answers
        until it is done."""
        if certificate.revocation_state == RevocationState.PENDING_CA:
            return
        await self._record(certificate, RevocationState.PENDING_CA, waiting.waits_for)

    async def _say_why(self, certificate: Certificate, why: str) -> None:
        """Show on the certificate why it is not done yet; that is no change of its state."""
        async with self._database.transaction() as session:
            await session.execute(
                update(Certificate)
                .where(
                    Certificate.id == certificate.id,
                    Certificate.revocation_state == RevocationState.REQUESTED.value,
                    Certificate.revocation_detail.is_distinct_from(why),
                )
                .values(revocation_detail=why)
            )

    async def _record(
        self, certificate: Certificate, state: RevocationState, detail: str | None
    ) -> None:
        async with self._database.transaction() as session:
            statement = (
                update(Certificate)
                .where(
                    Certificate.id == certificate.id,
                    Certificate.revocation_state.in_(_ON_THE_WAY),
                )
                .values(
                    revocation_state=state.value,
                    revocation_detail=detail,
                    revoked_at=func.now() if state is RevocationState.DONE else None,
                    version=Certificate.version + 1,
                )
            )
            if await changed_rows(session, statement) != 1:
                return
            record(
                session,
                None,
                f"certificate.{_EVENTS[state]}",
                ("certificate", certificate.id),
                organization_id=certificate.organization_id,
                details={"reason": certificate.revocation_reason}
                | ({"why": detail} if detail else {}),
            )
            self._crash.passing(Point.BEFORE_COMMIT)
        self._crash.passing(Point.AFTER_COMMIT)

    async def _backend_refused(self, connection: Connection, detail: str) -> None:
        async with self._database.transaction() as session:
            await record_health(
                session,
                connection.ca_backend_id,
                BackendStatus.REFUSED,
                detail,
                local_version=connection.version,
            )


def _version_of(connection: Connection) -> tuple[UUID, int]:
    return connection.local_ca_backend_id, connection.version
