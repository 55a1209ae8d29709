"""What is said about an Entrust account or CA Gateway, and what a profile chooses there."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scm_api.drivers.fields import (
    ClientCertificate,
    ClientKey,
    EndpointUrl,
    HeaderSecret,
    Options,
    Secrets,
    TrustedCertificates,
    with_example,
)

Api = Literal["ecs", "ca_gateway"]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,255}$")]
WHOLE_YEARS = {365: "P1Y", 730: "P2Y", 1095: "P3Y"}
"""The terms of an account without pooling, in days, as ECS writes them."""

_CERT_TYPES = (
    r"^(STANDARD|ADVANTAGE|UC|WILDCARD|EV|QWAC|QWACPSD2|PRIVATE|PD)_SSL$|^(EV_)?CODE_SIGNING$"
)
_CUSTOM_FIELDS = r"^(text(1[0-5]|[1-9])|(number|date|email|dropdown)[1-5])$"


class Requester(Options):
    """Who is noted with each order as the requester; ECS wants all three."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    email: Email
    phone: Annotated[str, StringConstraints(pattern=r"^[+0-9 ()./-]{5,32}$")]


class EntrustConnection(Options):
    """An ECS account, or a CA Gateway for private CAs."""

    model_config = with_example(
        backend_type="entrust",
        requester={"name": "PKI Desk", "email": "pki@example.com", "phone": "+35315550100"},
    )

    backend_type: Literal["entrust"]
    api: Annotated[
        Api,
        Field(description="`ecs`: Entrust Certificate Services; `ca_gateway`: CA Gateway API v1."),
    ] = "ecs"
    endpoint_url: Annotated[
        EndpointUrl | None,
        Field(
            description="Scheme, host and port. Left out, api.entrust.net for ECS and the PKI as a "
            "Service of `region` for CA Gateway; an own CA Gateway or the simulator is given here.",
            examples=["https://127.0.0.1:4030"],
        ),
    ] = None
    region: Annotated[
        Literal["us", "eu"], Field(description="Of PKI as a Service; for CA Gateway only.")
    ] = "us"
    trusted_certificates: TrustedCertificates = None
    requester: Annotated[
        Requester | None, Field(description="Needed for ECS, which refuses orders without.")
    ] = None
    pooling: Annotated[
        bool,
        Field(
            description="Whether the account's inventory is counted and ends are chosen freely. "
            "Without it, ECS takes whole years: terms of 365, 730 or 1095 days."
        ),
    ] = True
    answer_seconds: Annotated[
        float,
        Field(gt=0, le=120, description="How long ECS may take to answer an order; for ECS only."),
    ] = 60
    look_up_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=86_400,
            description="How long an order whose answer was lost is looked for before a person is "
            "asked; for ECS only, whose lists do not show what it is about to issue.",
        ),
    ] = 3600
    revocation_reasons: Annotated[
        Literal["all", "key_compromise_only"],
        Field(
            description="`key_compromise_only` for accounts that refuse reasons other than "
            "`keyCompromise` and `unspecified`: `unspecified` is sent for the others."
        ),
    ] = "all"


class EntrustSecrets(Secrets):
    """User name and API key for ECS, client certificate and key for CA Gateway; or all four, where
    a client certificate was chosen for the API user."""

    model_config = with_example(
        backend_type="entrust", username="api-user", api_key="EXAMPLEAPIKEY"
    )

    backend_type: Literal["entrust"]
    username: Annotated[str | None, StringConstraints(pattern=r"^[!-9;-~]{1,128}$")] = None
    api_key: Annotated[HeaderSecret | None, Field(min_length=8, max_length=256)] = None
    client_certificate: ClientCertificate = None
    client_key: ClientKey = None


class EntrustCustomField(Options):
    """A custom field that is enabled in the account."""

    name: Annotated[str, StringConstraints(pattern=_CUSTOM_FIELDS), Field(examples=["text1"])]
    value: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class EntrustOrderOptions(Options):
    """What one order from ECS says besides what its profile says with every order."""

    model_config = with_example(
        backend_type="entrust", custom_fields=[{"name": "text1", "value": "4711"}]
    )

    backend_type: Literal["entrust"]
    requester: Annotated[
        Requester | None, Field(description="Instead of that of the profile or the connection.")
    ] = None
    custom_fields: Annotated[
        list[EntrustCustomField],
        Field(max_length=35, description="Those of the profile with the same name give way."),
    ] = []
    additional_emails: Annotated[
        list[Email], Field(max_length=5, description="Added to those of the profile.")
    ] = []


class EcsProduct(Options):
    """What is ordered from ECS."""

    cert_type: Annotated[
        str,
        StringConstraints(pattern=_CERT_TYPES),
        Field(description="The product.", examples=["ADVANTAGE_SSL"]),
    ]
    eku: Annotated[
        Literal["SERVER_AUTH", "CLIENT_AUTH", "SERVER_AND_CLIENT_AUTH"],
        Field(description="For SSL products."),
    ] = "SERVER_AUTH"
    queue_for_approval: Annotated[
        bool, Field(description="Have an administrator of the account approve each order.")
    ] = False
    ct_log: Annotated[
        bool | None, Field(description="Left out, as the account's settings have it.")
    ] = None
    requester: Annotated[
        Requester | None, Field(description="Instead of that of the connection.")
    ] = None
    custom_fields: Annotated[list[EntrustCustomField], Field(max_length=35)] = []
    additional_emails: Annotated[
        list[Email], Field(max_length=5, description="Who ECS writes to as well.")
    ] = []


class GatewayProfile(Options):
    """What is ordered through CA Gateway."""

    ca_id: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9~._-]{1,128}$"), Field(examples=["umbra~ca1"])
    ]
    profile_id: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9~._-]{1,128}$"),
        Field(examples=["privatessl-tls-server"]),
    ]


class EntrustProfileOptions(Options):
    """One of both: a product of ECS, or a profile of a CA behind CA Gateway."""

    model_config = with_example(backend_type="entrust", ecs={"cert_type": "ADVANTAGE_SSL"})

    backend_type: Literal["entrust"]
    ecs: EcsProduct | None = None
    ca_gateway: GatewayProfile | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.ecs is None) == (self.ca_gateway is None):
            raise PydanticCustomError("one-of", "Give one of ecs and ca_gateway.")
        return self
