"""How an AD CS backend is reached, what a profile chooses there, and what an order adds."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from scm_api.drivers.fields import (
    ClientCertificate,
    ClientKey,
    Options,
    Secrets,
    TrustedCertificates,
    with_example,
)
from scm_api.drivers.windows.credentials import Account
from scm_api.drivers.windows.fields import (
    ChannelBinding,
    HostName,
    HttpAuth,
    HttpsUrl,
    LdapsUrl,
    NtlmFallback,
    Realm,
)

# Control characters could carry a second attribute, `:` and `&` mean something to the CA.
CaName = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00-\x1f\x7f\\/:&\x22<>]{1,64}$"),
    Field(description="The CA's common name."),
]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f\\:&\x22<>]{1,64}$")]
_AnswerSeconds = Annotated[
    float, Field(gt=0, le=120, description="How long the CA, with its HSM, may take to answer.")
]
DirectoryName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,512}$")]


class CertsrvEnroller(Options):
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
    channel_binding: ChannelBinding = True
    allow_ntlm_fallback: NtlmFallback = False
    max_connections: Annotated[
        int, Field(ge=1, le=100, description="At most; each does one order at a time.")
    ] = 16
    wait_seconds: Annotated[
        float, Field(gt=0, le=30, description="How long an order waits for a connection.")
    ] = 4
    answer_seconds: _AnswerSeconds = 30


class IcprEnroller(Options):
    """The CA itself by RPC (MS-ICPR), encrypted, without Web Enrollment."""

    transport: Literal["icpr"]
    host: Annotated[HostName, Field(examples=["ca1.corp.example.com"])]
    port: Annotated[
        int | None,
        Field(ge=1, le=65535, description="Left out, the endpoint mapper (port 135) is asked."),
    ] = None
    auth: Literal["kerberos", "ntlm"] = "kerberos"
    answer_seconds: _AnswerSeconds = 30

    wait_seconds: ClassVar[float] = 14


class Directory(Options):
    """Active Directory, read by LDAPS: CAs, templates, accounts."""

    url: Annotated[LdapsUrl, Field(examples=["ldaps://dc1.corp.example.com"])]
    auth: Literal["simple", "ntlm", "kerberos"] = "simple"


class WinRmRevoker(Options):
    """A Windows host with certutil, reached by WinRM over HTTPS."""

    base_url: Annotated[HttpsUrl, Field(examples=["https://ca1.corp.example.com:5986"])]
    ca_config: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,253}\\[^\x00-\x1f\x7f\\/\x22<>|&%^]{1,64}$"),
        Field(
            description="HOST\\CA as `certutil -dump` shows it.",
            examples=["ca1.corp.example.com\\Corp Issuing CA 1"],
        ),
    ]
    auth: HttpAuth = "kerberos"
    channel_binding: ChannelBinding = True
    allow_ntlm_fallback: NtlmFallback = False
    answer_seconds: Annotated[
        float, Field(ge=30, le=120, description="How long certutil may take.")
    ] = 60

    max_connections: ClassVar[int] = 4
    wait_seconds: ClassVar[float] = 4


class MicrosoftConnection(Options):
    """One CA of AD CS: where requests are handed in, and, each for itself, the directory that
    tells of CAs, templates and accounts and the host that revokes."""

    model_config = with_example(
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
    issuing_ca: CaName
    enroller: Annotated[CertsrvEnroller | IcprEnroller, Field(discriminator="transport")]
    directory: Directory | None = None
    revoker: Annotated[
        WinRmRevoker | None, Field(description="Without it, certificates are revoked on the CA.")
    ] = None
    trusted_certificates: TrustedCertificates = None
    realm: Realm = None
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


class MicrosoftSecrets(Secrets):
    """One credential for each port that the connection has, and the enrollment agent's."""

    model_config = with_example(
        backend_type="microsoft",
        enroller={"username": "CORP\\svc-enroll", "password": "example"},
        directory={"username": "svc-read@corp.example.com", "password": "example"},
        revoker={"username": "CORP\\svc-revoke", "password": "example"},
    )

    backend_type: Literal["microsoft"]
    enroller: Account
    directory: Account | None = None
    revoker: Account | None = None
    agent_certificate: Annotated[
        ClientCertificate,
        Field(description="PEM of the enrollment agent's certificate, followed by its chain."),
    ] = None
    agent_key: ClientKey = None


class MicrosoftProfileOptions(Options):
    """What a profile issues: by which template, and whose names."""

    model_config = with_example(
        backend_type="microsoft", issuing_ca="Corp Issuing CA 1", ms_template="WebServer"
    )

    backend_type: Literal["microsoft"]
    issuing_ca: CaName
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


class MicrosoftOrderOptions(Options):
    """Whom the certificate is for, where the CA builds names from Active Directory."""

    model_config = with_example(backend_type="microsoft", on_behalf_of="jo.doe@corp.example.com")

    backend_type: Literal["microsoft"]
    on_behalf_of: Annotated[
        DirectoryName,
        Field(description="The account: user principal name, DOMAIN\\name, distinguished name."),
    ]
