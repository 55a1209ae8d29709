"""What an administrator says about an AWS account, its credentials and a profile's choices."""

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scm_api.drivers.fields import EndpointUrl, HeaderSecret, Options, Secrets, with_example

_CA_EXAMPLE = (
    "arn:aws:acm-pca:eu-central-1:111122223333"
    ":certificate-authority/5cb00000-0000-4000-8000-000000000003"
)


Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,4}(-[a-z]{1,16}){1,3}-[0-9]$")]


class StaticKeys(Options):
    """The access key among the secrets signs every call."""

    mode: Annotated[Literal["static_keys"], Field(description="Use the access key as it is.")]


class DefaultChain(Options):
    """The credentials of the machine or container the service runs on."""

    mode: Annotated[
        Literal["default_chain"],
        Field(
            description="Use what the AWS SDK finds: environment, web identity of a Kubernetes "
            "service account, container role, instance profile, as far as SCM_MACHINE_IDENTITIES "
            "allows. No secrets are needed."
        ),
    ]


class AssumedRole(Options):
    """A role that is assumed before the first call, and again before its session ends."""

    mode: Annotated[
        Literal["assumed_role"], Field(description="Call sts:AssumeRole, then act as that role.")
    ]
    role_arn: Annotated[
        str,
        StringConstraints(
            pattern=r"^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", max_length=640
        ),
        Field(
            description="ARN of the role.", examples=["arn:aws:iam::111122223333:role/scm-issuer"]
        ),
    ]
    external_id: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@:/-]+$", min_length=2, max_length=1224),
        Field(
            description="The external id that the role's trust policy demands. It keeps anybody "
            "else who may use this service from having it act in your account.",
            examples=["6f0c2a8e-issuing"],
        ),
    ] = None
    without_external_id: Annotated[
        bool,
        Field(
            description="Say true only if the role is in your own account and its trust policy "
            "demands no external id."
        ),
    ] = False
    session_name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9_+=,.@-]+$", min_length=2, max_length=64),
        Field(description="Name of the session, seen in CloudTrail.", examples=["scm-api"]),
    ] = "scm-api"
    source: Annotated[
        Literal["static_keys", "default_chain"],
        Field(description="Which credentials call sts:AssumeRole."),
    ] = "static_keys"
    sts_endpoint_url: Annotated[
        EndpointUrl | None,
        Field(
            description="Address of STS, if it is not the region's public one.",
            examples=["https://vpce-0a1b.sts.eu-central-1.vpce.amazonaws.com"],
        ),
    ] = None

    @model_validator(mode="after")
    def _guarded_against_confusion(self) -> Self:
        """AWS IAM User Guide, "The confused deputy problem"."""
        if (self.external_id is None) is not self.without_external_id:
            raise PydanticCustomError(
                "reference-not-allowed",
                "A role needs an external_id; or say without_external_id, but not both.",
            )
        return self


Credentials = Annotated[
    StaticKeys | AssumedRole | DefaultChain,
    Field(
        discriminator="mode",
        description="Where the credentials for AWS come from; left out, `static_keys`.",
    ),
]


class AwsQuotas(Options):
    """Calls per second this service allows itself, for the account and region as a whole.

    Keep each below the account's quota (Service Quotas, "AWS Private Certificate Authority"):
    what is left is for other programs in the same account.
    """

    issue_per_second: Annotated[
        float, Field(gt=0, le=1000, description="IssueCertificate; AWS allows 25 by default.")
    ] = 20
    get_per_second: Annotated[
        float, Field(gt=0, le=1000, description="GetCertificate; AWS allows 75 by default.")
    ] = 60
    revoke_per_second: Annotated[
        float, Field(gt=0, le=1000, description="RevokeCertificate; AWS allows 20 by default.")
    ] = 16
    describe_per_second: Annotated[
        float,
        Field(gt=0, le=1000, description="DescribeCertificateAuthority; AWS allows 20 by default."),
    ] = 16
    get_ca_certificate_per_second: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="GetCertificateAuthorityCertificate; AWS allows 20 by default.",
        ),
    ] = 16
    list_per_second: Annotated[
        float,
        Field(gt=0, le=1000, description="ListCertificateAuthorities; AWS allows 20 by default."),
    ] = 16


class AwsConnection(Options):
    """One AWS account in one region."""

    model_config = with_example(
        backend_type="aws", region="eu-central-1", credentials={"mode": "static_keys"}
    )

    backend_type: Annotated[Literal["aws"], Field(description="AWS Private CA.")]
    region: Annotated[
        Region,
        Field(description="Region of the private CAs.", examples=["eu-central-1"]),
    ]
    endpoint_url: Annotated[
        EndpointUrl | None,
        Field(
            description="Address of AWS Private CA, if it is not the region's public one: an "
            "interface endpoint of a private network, or the simulator. https only, except for "
            "this machine itself.",
            examples=["https://vpce-0a1b.acm-pca.eu-central-1.vpce.amazonaws.com"],
        ),
    ] = None
    credentials: Credentials = StaticKeys(mode="static_keys")
    quotas: Annotated[
        AwsQuotas, Field(description="How many calls per second this service allows itself.")
    ] = AwsQuotas()
    connect_timeout_seconds: Annotated[
        float, Field(gt=0, le=10, description="Longest wait for a connection.")
    ] = 3
    read_timeout_seconds: Annotated[
        float,
        Field(gt=0, le=15, description="Longest silence of AWS in the middle of a call."),
    ] = 6
    call_timeout_seconds: Annotated[
        float,
        Field(
            gt=0,
            le=20,
            description="Longest duration of one call as a whole. After it, an order counts as "
            "sent with an unknown outcome. Workers may give up earlier, never later.",
        ),
    ] = 8


class AwsSecrets(Secrets):
    """The credentials. They are write-only; none are needed for the default chain."""

    model_config = with_example(
        backend_type="aws",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",  # noqa: S106 -- AWS's example
    )

    backend_type: Annotated[Literal["aws"], Field(description="AWS Private CA.")]
    access_key_id: Annotated[
        str | None,
        StringConstraints(pattern=r"^[A-Za-z0-9_]+$", min_length=4, max_length=128),
        Field(repr=False, description="Id of the access key.", examples=["AKIAIOSFODNN7EXAMPLE"]),
    ] = None
    secret_access_key: Annotated[
        HeaderSecret | None,
        Field(
            description="The access key's secret.",
            examples=["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"],
        ),
    ] = None
    session_token: Annotated[
        HeaderSecret | None,
        Field(description="Only with temporary keys, whose id begins with ASIA."),
    ] = None

    @model_validator(mode="after")
    def _complete_or_absent(self) -> Self:
        if (self.access_key_id is None) is not (self.secret_access_key is None):
            raise PydanticCustomError(
                "incomplete-credentials",
                "access_key_id and secret_access_key are given together or not at all.",
            )
        if self.session_token is not None and self.access_key_id is None:
            raise PydanticCustomError(
                "incomplete-credentials", "session_token needs the access key it belongs to."
            )
        return self


class AwsProfileOptions(Options):
    """What a certificate profile chooses in AWS Private CA."""

    model_config = with_example(
        backend_type="aws",
        private_ca=_CA_EXAMPLE,
        signature_algorithm="SHA256WITHECDSA",
        aws_template="arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1",
    )

    backend_type: Annotated[Literal["aws"], Field(description="AWS Private CA.")]
    private_ca: Annotated[
        str,
        StringConstraints(min_length=1, max_length=200),
        Field(
            description="ARN of the private CA that signs; see the backend's issuing CAs.",
            examples=[_CA_EXAMPLE],
        ),
    ]
    signature_algorithm: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=64),
        Field(
            description="How the CA signs; it must fit the CA's key. Without it, the CA's own "
            "default is used.",
            examples=["SHA256WITHECDSA"],
        ),
    ] = None
    aws_template: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=200),
        Field(
            description="ARN of the template, which decides the extensions; see the backend's "
            "templates. Without it: EndEntityServerAuthCertificate/V1.",
            examples=["arn:aws:acm-pca:::template/EndEntityServerAuthCertificate/V1"],
        ),
    ] = None
