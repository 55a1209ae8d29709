"""The CAs of the demo beside AWS, which tells the main story: one module each, in this order."""

from typing import Final

from scm_api.demo.cas.digicert import DIGICERT
from scm_api.demo.cas.entrust import ENTRUST
from scm_api.demo.cas.gcp import GCP
from scm_api.demo.cas.microsoft import MICROSOFT
from scm_api.demo.cas.simulated import Simulated

CAS: Final[tuple[Simulated, ...]] = (DIGICERT, ENTRUST, GCP, MICROSOFT)
