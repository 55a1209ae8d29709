"""Who may call: access keys, roles and the part of IAM policies that matters to a private CA."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from scm_api.sandbox.aws.errors import access_denied

ACCOUNT_ID = "111122223333"
OTHER_ACCOUNT_ID = "444455556666"

ACCESS_KEY_ID = "AKIASCMSANDBOX000001"
SECRET_ACCESS_KEY = "scm/sandbox/secret/0001/only/for/testing"  # noqa: S105 - public on purpose
READER_ACCESS_KEY_ID = "AKIASCMSANDBOX000002"
READER_SECRET_ACCESS_KEY = "scm/sandbox/secret/0002/only/for/testing"  # noqa: S105 - public
USER_ACCESS_KEY_ID = "AKIASCMSANDBOX000003"
USER_SECRET_ACCESS_KEY = "scm/sandbox/secret/0003/only/for/testing"  # noqa: S105 - public
ASSUMER_ACCESS_KEY_ID = "AKIASCMSANDBOX000004"
ASSUMER_SECRET_ACCESS_KEY = "scm/sandbox/secret/0004/only/for/testing"  # noqa: S105 - public
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/scm-sandbox-issuer"
ROLE_EXTERNAL_ID = "scm-sandbox-external-id"

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws:iam::[0-9]{12}:role/[\w+=,.@/-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Policy(_Strict):
    """What a principal may do: globs over actions, resources and template ARNs.

    Everything that no entry allows is denied. `templates` is the condition key
    `acm-pca:TemplateArn` of IssueCertificate; null means no condition.
    """

    actions: tuple[str, ...] = ("acm-pca:*", "sts:*", "s3:*")
    resources: tuple[str, ...] = ("*",)
    templates: tuple[str, ...] | None = None

    def allows(self, action: str, resource: str, template_arn: str | None) -> bool:
        return (
            _any_matches(self.actions, action)
            and _any_matches(self.resources, resource)
            and (
                template_arn is None
                or self.templates is None
                or _any_matches(self.templates, template_arn)
            )
        )


class AccessKey(_Strict):
    """A long-lived key of an IAM user."""

    access_key_id: Annotated[str, StringConstraints(pattern=r"^AKIA[A-Z0-9]{12,124}$")]
    secret_access_key: Annotated[str, StringConstraints(min_length=8)]
    user: Annotated[str, StringConstraints(pattern=r"^[\w+=,.@-]{1,64}$")]
    account_id: AccountId = ACCOUNT_ID
    policy: Policy = Policy()


class Role(_Strict):
    """A role that callers matching `trusted` (globs over principal ARNs) may assume.

    With an `external_id` AssumeRole must name exactly it.
    """

    arn: RoleArn
    external_id: str | None = None
    trusted: tuple[str, ...] = ("*",)
    max_session_seconds: Annotated[int, Field(ge=900, le=43_200)] = 3600
    policy: Policy = Policy()

    def trusts(self, principal_arn: str) -> bool:
        return _any_matches(self.trusted, principal_arn)


class Credentials(_Strict):
    """All principals the simulator knows."""

    access_keys: tuple[AccessKey, ...]
    roles: tuple[Role, ...] = ()

    def key(self, access_key_id: str) -> AccessKey | None:
        return next((k for k in self.access_keys if k.access_key_id == access_key_id), None)

    def role(self, arn: str) -> Role | None:
        return next((role for role in self.roles if role.arn == arn), None)


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated principal behind one request, and the region it signed for."""

    access_key_id: str
    arn: str
    account_id: str
    region: str
    policy: Policy

    def require(self, action: str, resource: str, template_arn: str | None = None) -> None:
        """Raises ApiError AccessDeniedException that names the missing action and the resource."""
        if not self.policy.allows(action, resource, template_arn):
            because = f"because no identity-based policy allows the {action} action"
            raise access_denied(self.arn, action, resource, because)


def default_credentials() -> Credentials:
    """An administrator, three users with less, and a role that asks for an external id."""
    read = (
        "acm-pca:List*",
        "acm-pca:Describe*",
        "acm-pca:Get*",
        "sts:GetCallerIdentity",
    )
    issue = (*read, "acm-pca:IssueCertificate", "acm-pca:RevokeCertificate")
    end_entity_only = ("arn:aws*:acm-pca:::template/EndEntityCertificate/V*",)
    return Credentials(
        access_keys=(
            AccessKey(
                access_key_id=ACCESS_KEY_ID,
                secret_access_key=SECRET_ACCESS_KEY,
                user="sandbox-admin",
            ),
            AccessKey(
                access_key_id=READER_ACCESS_KEY_ID,
                secret_access_key=READER_SECRET_ACCESS_KEY,
                user="sandbox-reader",
                policy=Policy(actions=read),
            ),
            AccessKey(
                access_key_id=USER_ACCESS_KEY_ID,
                secret_access_key=USER_SECRET_ACCESS_KEY,
                user="sandbox-user",
                policy=Policy(actions=issue, templates=end_entity_only),
            ),
            AccessKey(
                access_key_id=ASSUMER_ACCESS_KEY_ID,
                secret_access_key=ASSUMER_SECRET_ACCESS_KEY,
                user="sandbox-assumer",
                policy=Policy(actions=("sts:AssumeRole",)),
            ),
        ),
        roles=(Role(arn=ROLE_ARN, external_id=ROLE_EXTERNAL_ID, policy=Policy(actions=issue)),),
    )


def role_session_arn(role_arn: str, session_name: str) -> str:
    """ARN of an assumed role's session, `arn:aws:sts::<account>:assumed-role/<role>/<session>`."""
    match = re.fullmatch(r"arn:aws:iam::(\d{12}):role/(?:.*/)?([^/]+)", role_arn)
    if match is None:
        raise ValueError(f"not a role ARN: {role_arn}")
    return f"arn:aws:sts::{match[1]}:assumed-role/{match[2]}/{session_name}"


def _any_matches(patterns: tuple[str, ...], value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
