"""Credentials of one account of Windows, and whether they are those that a way of logon takes."""

import base64
import binascii
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from scm_api.core.errors import Fault
from scm_api.drivers.fields import ClientCertificate, ClientKey, Secrets
from scm_api.drivers.tls import tls_objection

Method = Literal["kerberos", "ntlm", "basic", "simple", "client_certificate"]


def _keytab(secret: SecretStr | None) -> SecretStr | None:
    """MIT keytab format, version 2."""
    try:
        if secret is None or base64.b64decode(secret.get_secret_value(), validate=True)[0] == 5:
            return secret
    except (binascii.Error, IndexError):
        pass
    raise PydanticCustomError("malformed-keytab", "It is no keytab in base64.")


class Account(Secrets):
    """One credential: a password or keytab with its user name, or a client certificate."""

    username: Annotated[
        str | None,
        StringConstraints(pattern=r"^[^\x00-\x1f\x7f:]{1,256}$"),
        Field(description="DOMAIN\\name or name@domain.", examples=["CORP\\svc-enroll"]),
    ] = None
    password: Annotated[SecretStr | None, Field(min_length=1, max_length=256)] = None
    keytab: Annotated[
        SecretStr | None,
        Field(max_length=65_536, description="In base64; for Kerberos."),
        AfterValidator(_keytab),
    ] = None
    client_certificate: ClientCertificate = None
    client_key: ClientKey = None

    def tls_credential(self, method: Method) -> str | None:
        """Certificate, chain and key, as PEM, where it logs on with them."""
        if method != "client_certificate" or self.client_key is None:
            return None
        return f"{self.client_certificate}\n{self.client_key.get_secret_value()}"


def logon_faults(
    pointer: str, given: Account | None, method: Method, *, with_ntlm: bool
) -> Iterator[Fault]:
    """What is lacking for a way of logon; `pointer` is where the credential stands or is to stand.
    `with_ntlm` says that NTLM may follow."""
    account = given or Account()
    certificate, key = account.client_certificate, account.client_key
    if method == "client_certificate":
        at = f"{pointer}/client_certificate"
        if certificate is None or key is None:
            detail = "It logs on with a client certificate and its key."
            yield Fault(at, "missing-credentials", detail)
        elif objection := tls_objection(certificate, key.get_secret_value()):
            yield Fault(at, "unusable-credential", objection)
        return
    proof = "password or keytab" if method == "kerberos" else "password"
    has_keytab = method == "kerberos" and account.keytab is not None
    if account.username is None or not (account.password is not None or has_keytab):
        detail = f"It logs on with {method}: with a user name and a {proof}."
        yield Fault(pointer, "missing-credentials", detail)
    if with_ntlm and account.password is None:
        detail = "NTLM needs the password; a keytab is for Kerberos alone."
        yield Fault(f"{pointer}/password", "missing-credentials", detail)
