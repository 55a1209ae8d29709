"""Fields of options that say where a Windows server is and how an account logs on to it."""

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

from scm_api.drivers.addresses import endpoint_objection
from scm_api.drivers.fields import ClientCertificate, ClientKey, EndpointUrl, Secrets


def _secure(url: object) -> object:
    if isinstance(url, str) and not url.startswith("https://"):
        raise PydanticCustomError(
            "insecure-endpoint",
            "It must begin with https://: over http, logons can be relayed and nobody is verified.",
        )
    return url


def _ldaps(url: str) -> str:
    if not url.startswith("ldaps://"):
        raise PydanticCustomError("insecure-endpoint", "It must begin with ldaps://.")
    objection = endpoint_objection(url.replace("ldaps://", "https://", 1))
    if objection is not None:
        raise PydanticCustomError("endpoint-not-allowed", "{objection}", {"objection": objection})
    return url.rstrip("/")


def _host(name: str) -> str:
    objection = endpoint_objection(f"https://{name}")
    if objection is not None or ":" in name:
        raise PydanticCustomError("endpoint-not-allowed", "It is not a host that may be called.")
    return name


def _keytab(secret: SecretStr | None) -> SecretStr | None:
    """MIT keytab format, version 2."""
    try:
        if secret is None or base64.b64decode(secret.get_secret_value(), validate=True)[0] == 5:
            return secret
    except (binascii.Error, IndexError):
        pass
    raise PydanticCustomError("malformed-keytab", "It is no keytab in base64.")


HttpsUrl = Annotated[EndpointUrl, BeforeValidator(_secure)]
LdapsUrl = Annotated[str, StringConstraints(max_length=256), AfterValidator(_ldaps)]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_host)]
Realm = Annotated[
    str | None,
    StringConstraints(pattern=r"^[A-Z0-9.-]{1,253}$"),
    Field(description="Kerberos realm. Its KDCs are found by DNS or in /etc/krb5.conf."),
]
HttpAuth = Annotated[
    Literal["kerberos", "ntlm", "basic", "client_certificate"],
    Field(
        description="How the account logs on. Kerberos needs the extra `kerberos` and a realm; "
        "NTLM is disabled in many domains."
    ),
]
ChannelBinding = Annotated[
    bool,
    Field(
        description="Bind the logon to the TLS connection (Extended Protection). Off only where a "
        "proxy ends TLS before IIS, which then must not require it."
    ),
]
NtlmFallback = Annotated[
    bool, Field(description="Use NTLM, with the same password, where Kerberos fails.")
]


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
