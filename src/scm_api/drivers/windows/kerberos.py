"""Kerberos tickets of one account, in a cache of their own in memory: never in KRB5CCNAME, which
all backends of the process would share. KDCs are found by DNS or /etc/krb5.conf."""

import asyncio
import os
import time
from typing import Any, Final
from uuid import uuid4

from scm_api.drivers.errors import BackendRefused, BackendUnavailable, DriverError

_TO_INSTALL: Final = (
    "Kerberos is not installed here: add the extra with `pip install 'scm-api[kerberos]'`, which "
    "needs a C compiler and libkrb5-dev, or choose auth ntlm."
)
_RENEWED_EARLY: Final = 300
_BASE: Final = -1765328384
# Offsets from the base of the error table krb5 of MIT Kerberos (krb5_err.et, RFC 4120 7.5.9).
_REFUSED: Final = {
    6: "The KDC knows no account {user}.",
    7: "The KDC knows no such service: the host in the address must be a name that the service is "
    "registered by (setspn -Q with HTTP/, ldap/ or host/<name>), not an alias or an IP address.",
    12: "The KDC does not let {user} log on here: see the account's restrictions.",
    14: "The KDC and {user} have no encryption type in common: allow AES for the account.",
    18: "The account {user} is locked, disabled or expired.",
    23: "The password of {user} has expired.",
    24: "The password of {user} is wrong, or the keytab is older than the last change of it.",
    31: "The password of {user} is wrong.",
    37: "The clocks of this host and of the domain differ by more than five minutes: synchronise "
    "them (NTP).",
    41: "The server could not decrypt the ticket: HTTP/<name> is registered on another account "
    "than the one IIS runs as.",
    154: "No KDC is known for the realm: check realm, DNS (SRV _kerberos._tcp) or /etc/krb5.conf.",
    181: "The keytab has no key for {user}.",
}
_UNREACHABLE: Final = (156, 220)


class KerberosTickets:
    """The ticket-granting ticket of `user@realm`, by password or keytab, renewed when it ends."""

    def __init__(self, user: str, realm: str, password: str, keytab: bytes | None) -> None:
        self._principal = user if "@" in user else f"{user.rpartition(chr(92))[2]}@{realm}"
        self._password = password
        self._keytab = keytab
        self._cache = f"MEMORY:scm-{uuid4()}"
        self._ends = 0.0
        self._lock = asyncio.Lock()
        self._kept: Any = None

    async def credential(self) -> Any:
        """What `spnego.client` takes. Raises BackendRefused and BackendUnavailable."""
        try:
            import gssapi  # noqa: F401 -- spnego needs both
            import krb5
            import spnego
        except ImportError:
            raise BackendRefused(_TO_INSTALL) from None
        async with self._lock:
            if time.time() > self._ends - _RENEWED_EARLY:
                try:
                    self._ends = await asyncio.to_thread(self._log_on, krb5)
                except krb5.Krb5Error as error:
                    raise failure(error, self._principal) from None
        return spnego.KerberosCCache(self._cache)

    def _log_on(self, krb5: Any) -> float:
        """Get a ticket, which asks the KDC; returns when it ends."""
        context = krb5.init_context()
        principal = krb5.parse_name_flags(context, self._principal.encode())
        options = krb5.get_init_creds_opt_alloc(context)
        krb5.get_init_creds_opt_set_canonicalize(options, True)
        if self._keytab is None:
            found = krb5.get_init_creds_password(
                context, principal, options, password=self._password.encode()
            )
        else:
            descriptor = os.memfd_create("keytab", os.MFD_CLOEXEC)
            with os.fdopen(descriptor, "wb") as memory:
                memory.write(self._keytab)
                memory.flush()
                table = krb5.kt_resolve(context, f"FILE:/proc/self/fd/{descriptor}".encode())
                found = krb5.get_init_creds_keytab(context, principal, options, keytab=table)
        cache = krb5.cc_resolve(context, self._cache.encode())
        krb5.cc_initialize(context, cache, found.client)
        krb5.cc_store_cred(context, cache, found)
        self._kept = cache
        return float(found.times.endtime)


def failure(error: Any, user: str) -> DriverError:
    """What an error of krb5, GSSAPI or spnego means for an administrator."""
    base = error
    while getattr(base, "base_error", None) is not None:  # those of SPNEGO wrap those of GSSAPI
        base = base.base_error
    raw = getattr(base, "err_code", None) or getattr(base, "min_code", None) or 0
    number = (raw - 2**32 if raw >= 2**31 else raw) - _BASE
    if number in _UNREACHABLE:
        return BackendUnavailable("No KDC of the realm can be reached.")
    advice = _REFUSED.get(number, "Kerberos failed.").format(user=user)
    return BackendRefused(f"{advice} Kerberos says: {base}")
