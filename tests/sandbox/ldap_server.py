"""The directory of the simulated domain, running for a test."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from ldap_client import Found, Ldap
from microsoft_domain import CONTEXT, Estate

from loop_thread import LoopThread
from scm_api.sandbox.microsoft.ldap import DirectoryCall, LdapBehaviour, RunningLdap, serve_ldap

CONFIGURATION = f"CN=Configuration,{CONTEXT}"
SERVICES = f"CN=Public Key Services,CN=Services,{CONFIGURATION}"
TEMPLATES = f"CN=Certificate Templates,{SERVICES}"
READER = "CORP\\svc-enroll"
SUBTREE, ONE, BASE = 2, 1, 0


class Server:
    """A running server and what it wrote down."""

    def __init__(self, loop: LoopThread, directory: Path) -> None:
        self.loop = loop
        self.estate = Estate()
        self.calls: list[DirectoryCall] = []
        self.behaviour = LdapBehaviour()
        self.trust = str(directory / "trust.pem")
        self.certificate = _tls_files(directory)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem")
        self.tls = self._serve(context)
        self.clear = self._serve(None)
        self.clients: list[Ldap] = []

    def _serve(self, context: ssl.SSLContext | None) -> RunningLdap:
        end_point = b"tls-server-end-point:" + self.certificate.fingerprint(hashes.SHA256())
        return self.loop.run(
            serve_ldap(
                lambda: self.estate.domain,
                "127.0.0.1",
                ssl_context=context,
                dns_host_name="dc1.corp.example",
                end_point=end_point,
                behaviour=lambda: self.behaviour,
                log=self.calls.append,
            )
        )

    def client(self, *, tls: bool = True) -> Ldap:
        client = Ldap(self.tls.port, self.trust) if tls else Ldap(self.clear.port)
        self.clients.append(client)
        return client

    def bound(self, name: str = READER) -> Ldap:
        client = self.client()
        assert client.simple(name) == (0, "")
        return client

    def close(self) -> None:
        for each in self.clients:
            each.close()
        self.loop.run(self.tls.aclose())
        self.loop.run(self.clear.aclose())


def _tls_files(directory: Path) -> x509.Certificate:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1))
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "trust.pem").write_bytes(pem)
    (directory / "server.pem").write_bytes(pem + private)
    return certificate


@contextmanager
def serving(directory: Path) -> Iterator[Server]:
    """A new domain's directory; the files of its TLS are written into `directory`."""
    with LoopThread() as loop:
        running = Server(loop, directory)
        yield running
        running.close()


def names(found: Found) -> list[str]:
    """The first part of each name."""
    return [dn.partition(",")[0].partition("=")[2] for dn in found.entries]
