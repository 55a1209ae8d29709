"""What httpx is given where an address is plain HTTP: it would read the system's trust anchors for
every client otherwise, which takes 30 ms of CPU."""

import ssl
from typing import Final

NO_TRUST: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
