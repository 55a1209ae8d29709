"""Private keys that a simulator made at its first start and reads again at every other."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_BEGINS: Final = b"-----BEGIN PRIV"


def own_key(content: bytes) -> PrivateKeyTypes:
    """The key in a file of ours, which may hold certificates before it (PEM).

    It was found to be good when it was made; to find that out again would take as long as that did.
    """
    pem = content[content.index(_BEGINS) :]
    return load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
