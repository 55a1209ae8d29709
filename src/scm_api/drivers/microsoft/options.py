"""How an AD CS backend is reached, what a profile chooses there, and what an order adds."""

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scm_api.drivers.addresses import endpoint_objection
from scm_api.drivers.fields import EndpointUrl


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _with_example(**members: JsonValue) -> ConfigDict:
    return ConfigDict(
        extra="forbid", frozen=True, strict=True, json_schema_extra={"examples": [{**members}]}
    )


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


def _certificates(pem: str | None) -> str | None:
    from cryptography import x509

    try:
        if pem is not None:
            x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise PydanticCustomError("malformed-certificate", "It is no PEM certificate.") from error
    return pem


def _keytab(secret: SecretStr | None) -> SecretStr | None:
    try:
        # MIT keytab format, version 2.
        if (
            secret is None
            or base64.b64decode(secret.get_secret_value(), validate=True)[:1] == b"\5"
        ):
            return secret
    except (binascii.Error, IndexError):
        pass
    raise PydanticCustomError("malformed-keytab", "It is no keytab in base64.")


# Control characters could carry a second attribute, `:` and `&` mean something to the CA.
CaName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\\/:&\"<>]{1,64}$")]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\\:&\"<>]{1,64}$")]
DirectoryName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,512}$")]
HttpsUrl = Annotated[EndpointUrl, BeforeValidator(_secure)]
HttpAuth = Annotated[
    Literal["kerberos", "ntlm", "basic", "client_certificate"],
    Field(
        description="How the account logs on. Kerberos needs the extra `kerberos` and a realm; "
        "NTLM is disabled in many domains."
    ),
]
_ChannelBinding = Annotated[
    bool,
    Field(
        description="Bind the logon to the TLS connection (Extended Protection). Off only where a "
        "proxy ends TLS before IIS, which then must not require it."
    ),
]
_Fallback = Annotated[
    bool, Field(description="Use NTLM, with the same password, where Kerberos fails.")
]


class CertsrvEnroller(_Options):
    """The Web Enrollment pages of the CA, over HTTPS."""

    transport: Literal["certsrv"]
    base_url: Annotated[
        HttpsUrl,
        Field(
            description="Scheme, host and port, without `/certsrv`. With Kerberos the host is the "
            "name that HTTP/<name> is registered for.",
            examples=["https://ca1.corp.example.com"],
        ),
    ]
    auth: HttpAuth = "kerberos"
    channel_binding: _ChannelBinding = True
    allow_ntlm_fallback: _Fallback = False
    max_connections: Annotated[
        int,
        Field(ge=1, le=100, description="Open connections at most; each does one order at a time."),
    ] = 16
    wait_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=120,
            description="How long an order waits for a connection before it is put off.",
        ),
    ] = 4
    answer_seconds: Annotated[
        float,
        Field(gt=0, le=300, description="How long the CA, with its HSM, may take for an answer."),
    ] = 60


class IcprEnroller(_Options):
    """The CA itself by RPC (MS-ICPR), encrypted, without Web Enrollment."""

    transport: Literal["icpr"]
    host: Annotated[
        str,
        StringConstraints(min_length=1, max_length=253),
        AfterValidator(_host),
        Field(examples=["ca1.corp.example.com"]),
    ]
    port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="Left out, the endpoint mapper (port 135) is asked."),
    ] = None
    auth: Literal["kerberos", "ntlm"] = "kerberos"


class Directory(_Options):
    """Active Directory, read by LDAPS: CAs, templates, accounts."""

    url: Annotated[
        str,
        StringConstraints(max_length=256),
        AfterValidator(_ldaps),
        Field(examples=["ldaps://dc1.corp.example.com"]),
    ]
    auth: Literal["simple", "ntlm", "kerberos"] = "simple"


class WinRmRevoker(_Options):
    """A Windows host with certutil, reached by WinRM over HTTPS."""

    base_url: Annotated[HttpsUrl, Field(examples=["https://ca1.corp.example.com:5986"])]
    ca_config: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}\\[^\x00-\x1f\x7f\\/\"<>|&%^]{1,64}$"),
        Field(
            description="HOST\\CA as `certutil -dump` shows it.",
            examples=["ca1.corp.example.com\\Corp Issuing CA 1"],
        ),
    ]
    auth: HttpAuth = "kerberos"
    channel_binding: _ChannelBinding = True
    allow_ntlm_fallback: _Fallback = False


class MicrosoftConnection(_Options):
    """One CA of AD CS: where requests are handed in, and, each for itself, the directory that
    tells of CAs, templates and accounts and the host that revokes."""

    model_config = _with_example(
        backend_type="microsoft",
        issuing_ca="Corp Issuing CA 1",
        enroller={
            "transport": "certsrv",
            "base_url": "https://ca1.corp.example.com",
            "auth": "kerberos",
        },
        directory={"url": "ldaps://dc1.corp.example.com", "auth": "simple"},
        revoker={
            "base_url": "https://ca1.corp.example.com:5986",
            "ca_config": "ca1.corp.example.com\\Corp Issuing CA 1",
        },
        realm="CORP.EXAMPLE.COM",
    )

    backend_type: Literal["microsoft"]
    issuing_ca: Annotated[CaName, Field(description="The CA's common name.")]
    enroller: Annotated[CertsrvEnroller | IcprEnroller, Field(discriminator="transport")]
    directory: Directory | None = None
    revoker: Annotated[
        WinRmRevoker | None, Field(description="Without it, certificates are revoked on the CA.")
    ] = None
    trusted_certificates: Annotated[
        str | None,
        StringConstraints(max_length=65_536),
        AfterValidator(_certificates),
        Field(
            description="PEM of the CAs that the servers' certificates may come from, in place of "
            "those the system trusts."
        ),
    ] = None
    realm: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Z0-9.-]{1,253}$"),
        Field(description="Kerberos realm. Its KDCs are found by DNS or in /etc/krb5.conf."),
    ] = None
    on_behalf_form: Annotated[
        Literal["pkcs7", "cmc"],
        Field(description="How requests on behalf are wrapped; every CA takes `pkcs7`."),
    ] = "pkcs7"
    denied_groups: Annotated[
        list[DirectoryName],
        Field(
            max_length=50,
            description="Distinguished names of groups whose members nobody enrolls for; accounts "
            "with adminCount=1 are refused anyway.",
        ),
    ] = []
    calls_per_second: Annotated[
        float, Field(gt=0, le=1000, description="What all workers together ask of the CA.")
    ] = 20


class Account(_Options):
    """One credential: a password or keytab with its user name, or a client certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

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
    client_certificate: Annotated[
        str | None, Field(max_length=32_768, description="PEM, followed by its chain.")
    ] = None
    client_key: Annotated[
        SecretStr | None, Field(max_length=32_768, description="PEM without a password.")
    ] = None


class MicrosoftSecrets(_Options):
    """One credential for each port that the connection has, and the enrollment agent's."""

    model_config = _with_example(
        backend_type="microsoft",
        enroller={"username": "CORP\\svc-enroll", "password": "example"},
        directory={"username": "svc-read@corp.example.com", "password": "example"},
        revoker={"username": "CORP\\svc-revoke", "password": "example"},
    ) | {"hide_input_in_errors": True}

    backend_type: Literal["microsoft"]
    enroller: Account
    directory: Account | None = None
    revoker: Account | None = None
    agent_certificate: Annotated[
        str | None,
        Field(
            max_length=32_768,
            description="PEM of the enrollment agent's certificate, followed by its chain.",
        ),
    ] = None
    agent_key: Annotated[
        SecretStr | None, Field(max_length=32_768, description="PEM without a password.")
    ] = None


class MicrosoftProfileOptions(_Options):
    """What a profile issues: by which template, and whose names."""

    model_config = _with_example(
        backend_type="microsoft", issuing_ca="Corp Issuing CA 1", ms_template="WebServer"
    )

    backend_type: Literal["microsoft"]
    issuing_ca: Annotated[CaName, Field(description="The CA's common name.")]
    ms_template: Annotated[
        TemplateName, Field(description="The template's name (cn), not its display name.")
    ]
    build_subject_from_ad: Annotated[
        bool,
        Field(
            description="The CA takes subject and names from Active Directory: each enrollment "
            "names an account, and is signed by the enrollment agent."
        ),
    ] = False
    account_base: Annotated[
        DirectoryName | None,
        Field(
            description="Only accounts below this distinguished name; for build_subject_from_ad.",
            examples=["OU=People,DC=corp,DC=example,DC=com"],
        ),
    ] = None
    acknowledged_risks: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]],
        Field(max_length=20, description="Findings about the template that an MRAO accepts."),
    ] = []

    @model_validator(mode="after")
    def _base(self) -> Self:
        if self.account_base is not None and not self.build_subject_from_ad:
            raise PydanticCustomError(
                "account-base", "account_base is for build_subject_from_ad alone."
            )
        return self


class MicrosoftOrderOptions(_Options):
    """Whom the certificate is for, where the CA builds names from Active Directory."""

    model_config = _with_example(backend_type="microsoft", on_behalf_of="jo.doe@corp.example.com")

    backend_type: Literal["microsoft"]
    on_behalf_of: Annotated[
        DirectoryName,
        Field(description="The account: user principal name, DOMAIN\\name, distinguished name."),
    ]
