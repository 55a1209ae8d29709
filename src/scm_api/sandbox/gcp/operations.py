"""Every operation of CertificateAuthorityService that the simulator has, and the right it takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.cloud.security.privateca_v1 import types as T  # noqa: N812 -- a namespace of messages
from google.iam.v1 import iam_policy_pb2
from google.rpc import code_pb2

from scm_api.sandbox.gcp import catalogue, certificates
from scm_api.sandbox.gcp.certificates import chains, pool_of
from scm_api.sandbox.gcp.errors import Refusal, denied, not_found
from scm_api.sandbox.gcp.simulator import Simulator

_TYPES: Final = T.CertificateAuthority.Type


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of the service: its messages, the permission it takes, and what it does."""

    name: str
    request: Any
    response: Any
    permission: str | None
    act: Callable[[Simulator, Any], Any]

    def carry_out(self, simulator: Simulator, request: Any) -> Any:
        """Raises Refusal."""
        if self.permission is not None:
            require(simulator, self.permission, _resource(request))
        return self.act(simulator, request)


def require(simulator: Simulator, permission: str, resource: str) -> None:
    """Whether the caller has the right; what is not in the project looks the same."""
    known = resource.startswith(f"projects/{catalogue.PROJECT}/")
    if not known or permission in simulator.denied or permission not in catalogue.PERMISSIONS:
        raise denied(permission, resource)


def _resource(request: Any) -> str:
    for member in ("parent", "ca_pool", "resource", "name"):
        found = getattr(request, member, "")
        if found:
            return str(found)
    return ""


def _require_location(parent: str) -> None:
    if parent != catalogue.LOCATION:
        message = f"Location of '{parent}' is not supported by this service."
        raise Refusal(code_pb2.INVALID_ARGUMENT, message)


def list_ca_pools(simulator: Simulator, request: Any) -> Any:
    _require_location(request.parent)
    return T.ListCaPoolsResponse(ca_pools=list(simulator.pools.values()))


def get_ca_pool(simulator: Simulator, request: Any) -> Any:
    return pool_of(simulator, request.name)


def fetch_ca_certs(simulator: Simulator, request: Any) -> Any:
    pool = pool_of(simulator, request.ca_pool)
    found = [
        each for name, each in simulator.hierarchies.items() if name.startswith(f"{pool.name}/")
    ]
    return T.FetchCaCertsResponse(ca_certs=list(chains(found)))


def list_certificate_authorities(simulator: Simulator, request: Any) -> Any:
    pool = pool_of(simulator, request.parent)
    names = [name for name in simulator.states if name.startswith(f"{pool.name}/")]
    found = [_authority(simulator, name) for name in names]
    return T.ListCertificateAuthoritiesResponse(certificate_authorities=found)


def get_certificate_authority(simulator: Simulator, request: Any) -> Any:
    if request.name not in simulator.states:
        raise not_found(request.name)
    return _authority(simulator, request.name)


def _authority(simulator: Simulator, name: str) -> Any:
    hierarchy = simulator.hierarchies[name]
    [chain] = chains([hierarchy])
    pool_name = name.partition("/certificateAuthorities/")[0]
    return T.CertificateAuthority(
        name=name,
        type_=_TYPES.SUBORDINATE,
        tier=simulator.pools[pool_name].tier,
        state=simulator.states[name],
        pem_ca_certificates=chain.certificates,
        ca_certificate_descriptions=[
            T.CertificateDescription(
                subject_description=T.CertificateDescription.SubjectDescription(
                    not_after_time=hierarchy.issuing.not_valid_after_utc
                )
            )
        ],
    )


def list_certificate_templates(simulator: Simulator, request: Any) -> Any:
    _require_location(request.parent)
    found = list(simulator.templates.values())
    return T.ListCertificateTemplatesResponse(certificate_templates=found)


def get_certificate_template(simulator: Simulator, request: Any) -> Any:
    if request.name not in simulator.templates:
        raise not_found(request.name)
    return simulator.templates[request.name]


def create_certificate(simulator: Simulator, request: Any) -> Any:
    template = request.certificate.certificate_template
    if template:
        require(simulator, "privateca.certificateTemplates.use", template)
    return certificates.create(simulator, request)


def test_iam_permissions(simulator: Simulator, request: Any) -> Any:
    """Which of the rights the caller has on a pool that is there."""
    has: Sequence[str] = [
        each
        for each in request.permissions
        if each in catalogue.PERMISSIONS - simulator.denied and request.resource in simulator.pools
    ]
    return iam_policy_pb2.TestIamPermissionsResponse(permissions=has)


class _Plain:
    """A message of plain protobuf, read and written as those of proto-plus are."""

    def __init__(self, message: Any) -> None:
        self.deserialize = message.FromString
        self.serialize = lambda made: made.SerializeToString()


_SERVICE: Final = "google.cloud.security.privateca.v1.CertificateAuthorityService"
_POLICY: Final = "google.iam.v1.IAMPolicy"
_RIGHT: Final = "privateca."


def _operation(
    name: str, request: Any, response: Any, permission: str, act: Callable[[Simulator, Any], Any]
) -> Operation:
    return Operation(name, request, response, _RIGHT + permission, act)


SERVICES: Final[dict[str, tuple[Operation, ...]]] = {
    _SERVICE: (
        _operation(
            "ListCaPools",
            T.ListCaPoolsRequest,
            T.ListCaPoolsResponse,
            "caPools.list",
            list_ca_pools,
        ),
        _operation("GetCaPool", T.GetCaPoolRequest, T.CaPool, "caPools.get", get_ca_pool),
        _operation(
            "FetchCaCerts",
            T.FetchCaCertsRequest,
            T.FetchCaCertsResponse,
            "caPools.get",
            fetch_ca_certs,
        ),
        _operation(
            "ListCertificateAuthorities",
            T.ListCertificateAuthoritiesRequest,
            T.ListCertificateAuthoritiesResponse,
            "certificateAuthorities.list",
            list_certificate_authorities,
        ),
        _operation(
            "GetCertificateAuthority",
            T.GetCertificateAuthorityRequest,
            T.CertificateAuthority,
            "certificateAuthorities.get",
            get_certificate_authority,
        ),
        _operation(
            "ListCertificateTemplates",
            T.ListCertificateTemplatesRequest,
            T.ListCertificateTemplatesResponse,
            "certificateTemplates.list",
            list_certificate_templates,
        ),
        _operation(
            "GetCertificateTemplate",
            T.GetCertificateTemplateRequest,
            T.CertificateTemplate,
            "certificateTemplates.get",
            get_certificate_template,
        ),
        _operation(
            "CreateCertificate",
            T.CreateCertificateRequest,
            T.Certificate,
            "certificates.create",
            create_certificate,
        ),
        _operation(
            "GetCertificate",
            T.GetCertificateRequest,
            T.Certificate,
            "certificates.get",
            certificates.get,
        ),
        _operation(
            "ListCertificates",
            T.ListCertificatesRequest,
            T.ListCertificatesResponse,
            "certificates.list",
            certificates.listed,
        ),
        _operation(
            "RevokeCertificate",
            T.RevokeCertificateRequest,
            T.Certificate,
            "certificates.update",
            certificates.revoke,
        ),
    ),
    _POLICY: (
        Operation(
            "TestIamPermissions",
            _Plain(iam_policy_pb2.TestIamPermissionsRequest),
            _Plain(iam_policy_pb2.TestIamPermissionsResponse),
            None,
            test_iam_permissions,
        ),
    ),
}
