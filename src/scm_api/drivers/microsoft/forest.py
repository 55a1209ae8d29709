"""Which CAs the forest has, and whether a site is the one of ours."""

import time
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from scm_api.drivers.errors import BackendRefused
from scm_api.drivers.microsoft.ports import Directory, EnrollmentService

_KEPT_SECONDS: Final = 600


class Forest:
    """The CA `issuing_ca`, as the directory has it; without a directory, by its name alone."""

    def __init__(self, issuing_ca: str, directory: Directory | None) -> None:
        self.issuing_ca = issuing_ca
        self.directory = directory
        self._read_at = 0.0
        self._services: Sequence[EnrollmentService] = ()

    async def services(self, *, anew: bool = False) -> Sequence[EnrollmentService]:
        """Every CA of the forest, as read a while ago; none without a directory."""
        is_old = time.monotonic() - self._read_at > _KEPT_SECONDS
        if self.directory is not None and (anew or is_old or not self._services):
            self._services = await self.directory.enrollment_services()
            self._read_at = time.monotonic()
        return self._services

    async def ours(self, *, anew: bool = False) -> EnrollmentService:
        """The CA that profiles issue from. Raises BackendRefused where the forest has none."""
        found = await self.services(anew=anew)
        for each in found:
            if self.issuing_ca in (each.name, each.display_name):
                return each
        known = ", ".join(sorted(each.name for each in found)) or "none"
        raise BackendRefused(f"Active Directory has no CA {self.issuing_ca}; it has {known}.")

    async def accept(self, certificate_der: bytes) -> None:
        """Raises BackendRefused unless the CA with this certificate is ours: by its common name
        and, where there is a directory, by the certificate itself."""
        subject = x509.load_der_x509_certificate(certificate_der).subject
        names = [str(each.value) for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        shown = names[-1] if names else subject.rfc4514_string()
        if self.issuing_ca not in names:
            raise BackendRefused(
                f"The site belongs to the CA {shown}, not to {self.issuing_ca}: nothing is ordered "
                "there. Correct base_url or issuing_ca."
            )
        if self.directory is not None and (await self.ours()).certificate_der != certificate_der:
            raise BackendRefused(
                f"The site's certificate of {shown} is not the one that Active Directory has for "
                f"{self.issuing_ca} (cACertificate): nothing is ordered there. It may be another "
                "CA of that name, or a renewed certificate was not published (certutil -dspublish)."
            )
