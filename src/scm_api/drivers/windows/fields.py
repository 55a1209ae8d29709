"""Fields of options that say where a Windows server is and how an account logs on to it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from scm_api.drivers.addresses import endpoint_objection
from scm_api.drivers.fields import EndpointUrl


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
