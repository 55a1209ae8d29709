"""What is said about a CertCentral account, and what a profile chooses there."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from scm_api.drivers.fields import (
    MOST,
    EndpointUrl,
    HeaderSecret,
    Options,
    Secrets,
    with_example,
)

Instance = Literal["us", "eu"]
SignatureHash = Literal["sha256", "sha384", "sha512"]
_Id = Annotated[int, Field(ge=1, le=MOST)]
_Platform = Annotated[int | None, Field(ge=-1, le=MOST)]


class DigiCertConnection(Options):
    """A CertCentral account."""

    model_config = with_example(backend_type="digicert", instance="us")

    backend_type: Literal["digicert"]
    instance: Annotated[
        Instance, Field(description="`us`: www.digicert.com; `eu`: CertCentral Europe.")
    ] = "us"
    endpoint_url: Annotated[
        EndpointUrl | None,
        Field(
            description="Scheme, host and port to call instead, such as those of the simulator.",
            examples=["http://127.0.0.1:4020"],
        ),
    ] = None
    container_id: Annotated[
        _Id | None, Field(description="Division to order in; left out, that of the key.")
    ] = None
    skip_approval: Annotated[
        bool,
        Field(
            description="Whether orders and revocations go past the approval inside of CertCentral."
            " It takes a key of an administrator; with another one they wait there."
        ),
    ] = True


class DigiCertSecrets(Secrets):
    """The API key of a service user."""

    model_config = with_example(backend_type="digicert", api_key="EXAMPLEAPIKEY")

    backend_type: Literal["digicert"]
    api_key: Annotated[HeaderSecret, Field(min_length=8, max_length=256)]


class DigiCertCustomField(Options):
    """A custom field of the account, by the id of its definition."""

    metadata_id: _Id
    value: Annotated[str, StringConstraints(min_length=1, max_length=256)]


Emails = list[Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,255}$")]]


class DigiCertOrderOptions(Options):
    """What one order says besides what its profile says with every order."""

    model_config = with_example(backend_type="digicert")

    backend_type: Literal["digicert"]
    server_platform: Annotated[
        _Platform, Field(description="Id of the server software, instead of the profile's.")
    ] = None
    custom_fields: Annotated[
        list[DigiCertCustomField],
        Field(max_length=20, description="Those of the profile with the same id give way."),
    ] = []
    additional_emails: Annotated[
        Emails, Field(max_length=20, description="Added to those of the profile.")
    ] = []


class DigiCertProfileOptions(Options):
    """The product, and what is said with every order of it."""

    model_config = with_example(backend_type="digicert", product="ssl_basic")

    backend_type: Literal["digicert"]
    product: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9_]{3,64}$"),
        Field(description="The product's name id.", examples=["ssl_basic"]),
    ]
    signature_hash: SignatureHash = "sha256"
    ca_cert_id: Annotated[
        str | None,
        StringConstraints(pattern=r"^[0-9A-Fa-f]{16}$"),
        Field(description="The intermediate to issue from, where the product has a choice."),
    ] = None
    server_platform: Annotated[
        _Platform, Field(description="Id of the server software, such as 45 for nginx.")
    ] = None
    custom_fields: Annotated[list[DigiCertCustomField], Field(max_length=20)] = []
    additional_emails: Annotated[
        Emails, Field(max_length=20, description="Who DigiCert writes to as well.")
    ] = []
