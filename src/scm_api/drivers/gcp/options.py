"""What is said about a location of CA Service, and what a profile chooses there."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from scm_api.drivers.fields import EndpointUrl, Options, Secrets, TrustedCertificates, with_example
from scm_api.drivers.google_credentials import ServiceAccountKey

_POOL: Final = "projects/umbra-pki/locations/europe-west1/caPools/web"


def _over_tls(url: str | None) -> str | None:
    if url is not None and not url.startswith("https://"):
        raise PydanticCustomError("endpoint-not-allowed", "gRPC is spoken over TLS: use https://.")
    return url


class GcpConnection(Options):
    """CA Service in one location of one project."""

    model_config = with_example(backend_type="gcp", project="umbra-pki", location="europe-west1")

    backend_type: Annotated[Literal["gcp"], Field(description="Google Cloud CA Service.")]
    project: Annotated[
        str,
        StringConstraints(
            pattern=r"^([a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$|^[0-9]{6,19}$"
        ),
        Field(description="Id or number of the project; profiles spell it in the same way."),
    ]
    location: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z]{2,}(-[a-z]+)+[0-9]{1,2}$"),
        Field(description="Location of the pools and templates.", examples=["europe-west1"]),
    ]
    credentials: Annotated[
        Literal["service_account", "application_default"],
        Field(
            description="`service_account`: the key among the secrets. `application_default`: what "
            "Google's libraries find on this machine, workload identity among it; "
            "SCM_MACHINE_IDENTITIES says for which projects."
        ),
    ] = "service_account"
    endpoint_url: Annotated[
        EndpointUrl | None,
        AfterValidator(_over_tls),
        Field(
            description="Address of the API, if it is not https://privateca.googleapis.com: an "
            "endpoint of a private network, or the simulator.",
            examples=["https://privateca-scm.p.googleapis.com"],
        ),
    ] = None
    trusted_certificates: TrustedCertificates = None
    call_timeout_seconds: Annotated[
        float, Field(gt=0, le=20, description="Deadline of one call, connecting apart.")
    ] = 7


class GcpSecrets(Secrets):
    """The key of a service account; none for the credentials of the machine."""

    model_config = with_example(backend_type="gcp")

    backend_type: Annotated[Literal["gcp"], Field(description="Google Cloud CA Service.")]
    service_account: Annotated[
        ServiceAccountKey | None,
        Field(description="The JSON key file of the service account, as text."),
    ] = None


class GcpProfileOptions(Options):
    """What a certificate profile chooses in CA Service."""

    model_config = with_example(backend_type="gcp", certificate_authority=_POOL)

    backend_type: Annotated[Literal["gcp"], Field(description="Google Cloud CA Service.")]
    certificate_authority: Annotated[
        str,
        StringConstraints(min_length=1, max_length=300),
        Field(
            description="Resource name of a pool, whose enabled CAs take turns, or of one CA; see "
            "the backend's issuing CAs.",
            examples=[_POOL, f"{_POOL}/certificateAuthorities/web-1"],
        ),
    ]
    template: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=300),
        Field(
            description="Resource name of a certificate template; see the backend's templates.",
            examples=["projects/umbra-pki/locations/europe-west1/certificateTemplates/server"],
        ),
    ] = None
    subject_mode: Annotated[
        Literal["default", "rdn_sequence"],
        Field(description="`rdn_sequence` keeps the order of the CSR's subject byte by byte."),
    ] = "default"
