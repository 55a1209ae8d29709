"""What an administrator of the CA can set."""

from dataclasses import dataclass
from typing import Final

PACKET_PRIVACY: Final = 6


@dataclass(frozen=True, slots=True)
class RpcBehaviour:
    """`offers_icpr` False is IF_NORPCICERTREQUEST: the endpoint mapper knows no endpoint then.
    `minimum_level` is the lowest authentication level ICPR takes (IF_ENFORCEENCRYPTICERTREQUEST
    makes it 6), `allows_ntlm` False is a domain that has NTLM switched off.
    """

    offers_icpr: bool = True
    minimum_level: int = PACKET_PRIVACY
    allows_ntlm: bool = True
