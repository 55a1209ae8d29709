"""The project a simulator starts with: pools of both tiers, their CAs, templates, a caller."""

from datetime import timedelta
from typing import Final

from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.type import expr_pb2

PROJECT: Final = "umbra-pki"
LOCATION: Final = f"projects/{PROJECT}/locations/europe-west1"
WEB_POOL: Final = f"{LOCATION}/caPools/web"
FAST_POOL: Final = f"{LOCATION}/caPools/fast"
STRICT_POOL: Final = f"{LOCATION}/caPools/strict"
SERVICE_ACCOUNT: Final = f"scm-api@{PROJECT}.iam.gserviceaccount.com"
OTHER_ACCOUNT: Final = f"other@{PROJECT}.iam.gserviceaccount.com"
PERMISSIONS: Final = frozenset(
    {
        "privateca.caPools.get",
        "privateca.caPools.list",
        "privateca.certificateAuthorities.get",
        "privateca.certificateAuthorities.list",
        "privateca.certificateTemplates.get",
        "privateca.certificateTemplates.list",
        "privateca.certificateTemplates.use",
        "privateca.certificates.create",
        "privateca.certificates.get",
        "privateca.certificates.list",
        "privateca.certificates.update",
    }
)
_State = T.CertificateAuthority.State


def pools() -> dict[str, T.CaPool]:
    """Pools by name."""
    policy = T.CaPool.IssuancePolicy(
        allowed_key_types=[
            T.CaPool.IssuancePolicy.AllowedKeyType(
                rsa=T.CaPool.IssuancePolicy.AllowedKeyType.RsaKeyType(min_modulus_size=3072)
            )
        ],
        maximum_lifetime=timedelta(days=90),
        identity_constraints=T.CertificateIdentityConstraints(
            allow_subject_passthrough=False,
            allow_subject_alt_names_passthrough=True,
            cel_expression=expr_pb2.Expr(
                expression="subject_alt_names.all(san, san.type == DNS && "
                'san.value.endsWith(".example.com"))'
            ),
        ),
    )
    return {
        each.name: each
        for each in (
            T.CaPool(name=WEB_POOL, tier=T.CaPool.Tier.ENTERPRISE),
            T.CaPool(name=FAST_POOL, tier=T.CaPool.Tier.DEVOPS),
            T.CaPool(name=STRICT_POOL, tier=T.CaPool.Tier.ENTERPRISE, issuance_policy=policy),
        )
    }


def authorities() -> list[tuple[str, str, int]]:
    """Pool, id and state (a number of `CertificateAuthority.State`) of every CA."""
    return [
        (WEB_POOL, "web-1", _State.ENABLED),
        (WEB_POOL, "web-2", _State.STAGED),
        (WEB_POOL, "web-0", _State.DISABLED),
        (FAST_POOL, "fast-1", _State.ENABLED),
        (STRICT_POOL, "strict-1", _State.ENABLED),
    ]


def templates() -> dict[str, T.CertificateTemplate]:
    """Templates by name: one for servers, one that drops every name without a word."""
    usage = T.KeyUsage(
        base_key_usage=T.KeyUsage.KeyUsageOptions(digital_signature=True),
        extended_key_usage=T.KeyUsage.ExtendedKeyUsageOptions(server_auth=True),
    )
    passing = T.CertificateIdentityConstraints(
        allow_subject_passthrough=True, allow_subject_alt_names_passthrough=True
    )
    dropping = T.CertificateIdentityConstraints(
        allow_subject_passthrough=True, allow_subject_alt_names_passthrough=False
    )
    return {
        each.name: each
        for each in (
            T.CertificateTemplate(
                name=f"{LOCATION}/certificateTemplates/server",
                predefined_values=T.X509Parameters(key_usage=usage),
                identity_constraints=passing,
                maximum_lifetime=timedelta(days=398),
                description="TLS servers",
            ),
            T.CertificateTemplate(
                name=f"{LOCATION}/certificateTemplates/nameless",
                identity_constraints=dropping,
                description="drops every name",
            ),
        )
    }
