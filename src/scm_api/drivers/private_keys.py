"""Private keys that operators gave, each found to be good once."""

import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_MOST: Final = 1_000
_sound: Final[set[bytes]] = set()


def private_key(pem: str) -> PrivateKeyTypes:
    """The key of an unencrypted PEM. Raises ValueError or TypeError for what is none.

    That the parts of an RSA key fit takes 50 ms of CPU to find out, in which nothing else runs. So
    that is done once in a process for each text, of which the SHA-256 is kept, not the key.
    """
    content = pem.encode()
    digest = hashlib.sha256(content).digest()
    key = load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=digest in _sound)
    if len(_sound) >= _MOST:
        _sound.clear()
    _sound.add(digest)
    return key
