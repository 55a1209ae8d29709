"""A simulator of AWS Private CA on a socket, for any AWS SDK (`scm-api sandbox aws`)."""

from scm_api.sandbox.aws.catalogue import (
    DISABLED_ID,
    EC_ISSUING_ID,
    EC_ROOT_ID,
    OTHER_REGION_ID,
    RSA_ROOT_ID,
    SHARED_ID,
    SHORT_LIVED_ID,
    authority_arn,
)
from scm_api.sandbox.aws.identities import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    ASSUMER_ACCESS_KEY_ID,
    ASSUMER_SECRET_ACCESS_KEY,
    READER_ACCESS_KEY_ID,
    READER_SECRET_ACCESS_KEY,
    ROLE_ARN,
    ROLE_EXTERNAL_ID,
    SECRET_ACCESS_KEY,
    USER_ACCESS_KEY_ID,
    USER_SECRET_ACCESS_KEY,
)
from scm_api.sandbox.aws.process import run
from scm_api.sandbox.aws.server import RunningServer, serve
from scm_api.sandbox.aws.settings import REGION, Behaviour, Latency, Settings
from scm_api.sandbox.state import StateError

__all__ = [
    "ACCESS_KEY_ID",
    "ACCOUNT_ID",
    "ASSUMER_ACCESS_KEY_ID",
    "ASSUMER_SECRET_ACCESS_KEY",
    "DISABLED_ID",
    "EC_ISSUING_ID",
    "EC_ROOT_ID",
    "OTHER_REGION_ID",
    "READER_ACCESS_KEY_ID",
    "READER_SECRET_ACCESS_KEY",
    "REGION",
    "ROLE_ARN",
    "ROLE_EXTERNAL_ID",
    "RSA_ROOT_ID",
    "SECRET_ACCESS_KEY",
    "SHARED_ID",
    "SHORT_LIVED_ID",
    "USER_ACCESS_KEY_ID",
    "USER_SECRET_ACCESS_KEY",
    "Behaviour",
    "Latency",
    "RunningServer",
    "Settings",
    "StateError",
    "authority_arn",
    "run",
    "serve",
]
