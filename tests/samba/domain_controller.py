"""A domain controller of Samba with CAs, templates and accounts, on an address of this machine."""

import base64
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ADDRESS = "127.77.0.1"
HOST, ALIAS, CA_HOST = "dc1.corp.localhost", "alias.corp.localhost", "ca.corp.localhost"
REALM, CONTEXT = "CORP.LOCALHOST", "DC=corp,DC=localhost"
CA_NAME = "Corp Issuing CA"
PASSWORD = "Passw0rd.Adm1n"
AGENT_POLICY = "1.3.6.1.4.1.311.20.2.1"
ENROLL = "0e10c968-78fb-11d2-90d4-00c04f79dc55"
PKI = f"CN=Public Key Services,CN=Services,CN=Configuration,{CONTEXT}"
_READY_SECONDS = 60


class DomainController:
    """Provisioned below `folder`, running until `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = folder / "private" / "sam.ldb"
        self._settings = str(folder / "etc" / "smb.conf")
        # Names and Kerberos of this process are not Samba's.
        self._environment = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("LD_PRELOAD", "NSS_WRAPPER", "KRB5"))
        }
        self._provision()
        self._add_accounts()
        self._add_pki()
        self._process = subprocess.Popen(
            ["samba", "-i", "-M", "single", "-s", self._settings],
            env=self._environment,
            stdout=(folder / "samba.log").open("w"),
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def stop(self) -> None:
        """End the server with all its processes."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def trust(self) -> ssl.SSLContext:
        """A context that trusts the server's certificate."""
        return ssl.create_default_context(cafile=self.folder / "tls.pem")

    def keytab(self, principal: str) -> Path:
        """The keys of an account, in a file."""
        made = self.folder / f"{len(list(self.folder.glob('*.keytab')))}.keytab"
        self._tool("domain", "exportkeytab", str(made), f"--principal={principal}")
        return made

    def sid(self, sam: str) -> str:
        """An account's SID, in Samba's own words."""
        command = ["ldbsearch", "-H", str(self._database), f"(sAMAccountName={sam})", "objectSid"]
        return self._run(command).partition("objectSid: ")[2].split()[0]

    def _provision(self) -> None:
        certificate, key = _tls()
        self.folder.mkdir(exist_ok=True)
        self._run(
            ["samba-tool", "domain", "provision", f"--realm={REALM}", "--domain=CORP",
             "--server-role=dc", "--dns-backend=NONE", f"--adminpass={PASSWORD}",
             f"--targetdir={self.folder}", "--host-name=dc1", f"--host-ip={ADDRESS}",
             f"--option=interfaces={ADDRESS}/8", "--option=bind interfaces only=yes",
             "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb"]
        )  # fmt: skip
        (self.folder / "tls.pem").write_bytes(certificate)
        (self.folder / "tls.key").write_bytes(key)
        (self.folder / "tls.key").chmod(0o600)
        settings = Path(self._settings)
        added = (
            f"tls certfile = {self.folder}/tls.pem\n\ttls keyfile = {self.folder}/tls.key\n\t"
            f"tls cafile = {self.folder}/tls.pem\n\tlog file = {self.folder}/log.%m\n\t"
            # As AD does it: SASL inside TLS needs no layer of its own.
            "ldap server require strong auth = allow_sasl_over_tls\n\t"
            f"pid directory = {self.folder}\n\tncalrpc dir = {self.folder}/ncalrpc\n"
        )
        text = settings.read_text().replace("[global]\n", f"[global]\n\t{added}", 1)
        settings.write_text(text)

    def _add_accounts(self) -> None:
        for sam in ("svc-read", "svc-enroll", "svc-ca", "ada", "gone"):
            mail = ["--mail-address=ada@corp.localhost"] if sam == "ada" else []
            self._tool("user", "create", sam, PASSWORD, *mail)
        self._tool("user", "disable", "gone")
        self._tool("computer", "create", "web01")
        for group, member in (("Enrollers", "svc-enroll"), ("People", "ada"), ("Staff", "People")):
            self._tool("group", "add", group)
            self._tool("group", "addmembers", group, member)
        self._tool("spn", "add", f"HTTP/{CA_HOST}", "svc-ca")
        # Before its keys are taken: else there are none but of RC4.
        self._change(
            f"dn: CN=svc-ca,CN=Users,{CONTEXT}\nchangetype: modify\n"
            "replace: msDS-SupportedEncryptionTypes\nmsDS-SupportedEncryptionTypes: 24\n\n"
            f"dn: CN=web01,CN=Computers,{CONTEXT}\nchangetype: modify\n"
            "replace: dNSHostName\ndNSHostName: web01.corp.localhost\n"
        )
        self._tool("user", "setpassword", "svc-ca", f"--newpassword={PASSWORD}")

    def _add_pki(self) -> None:
        enrollers = self.sid("Enrollers")
        grant = f"(OA;;CR;{ENROLL};;{enrollers})"
        refusal = f"(OD;;CR;{ENROLL};;{self.sid('svc-enroll')})"
        key = rsa.generate_private_key(65537, 2048)
        der = base64.b64encode(_certificate(CA_NAME, key).public_bytes(Encoding.DER)).decode()
        published = "".join(f"certificateTemplates: {name}\n" for name in ("WebServer", "UserEobo"))
        self._change(
            f"dn: CN={CA_NAME},CN=Enrollment Services,{PKI}\nchangetype: add\n"
            f"objectClass: pKIEnrollmentService\ndisplayName: {CA_NAME}\n"
            f"dNSHostName: {CA_HOST}\ncACertificate:: {der}\n{published}\n"
            + _template("WebServer", 1, 0, (), f"D:{grant}(A;;GA;;;DA)(A;;RPLCLORC;;;AU)")
            + _template("UserEobo", -0x5A000000, 1, (AGENT_POLICY,),
                        f"D:{refusal}{grant}(A;;RPLCLORC;;;AU)")
            + _template("Foreign", -0x5A000000, 1, (AGENT_POLICY,),
                        f"D:(A;;RPLCLORC;;;AU)(A;;WD;;;{enrollers})")
        )  # fmt: skip

    def _change(self, ldif: str) -> None:
        self._run(["ldbmodify", "-H", str(self._database)], ldif)

    def _tool(self, *words: str) -> str:
        return self._run(["samba-tool", *words, "-s", self._settings])

    def _run(self, command: list[str], said: str = "") -> str:
        done = subprocess.run(
            command, env=self._environment, input=said, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{json.dumps(command[:4])}: {done.stdout}{done.stderr}"
        return done.stdout

    def _wait(self) -> None:
        """Until the global catalogue and the KDC answer."""
        until = time.monotonic() + _READY_SECONDS
        for port in (636, 88, 135):
            while True:
                try:
                    socket.create_connection((ADDRESS, port), 1).close()
                    break
                except OSError:
                    log = (self.folder / "samba.log").read_text()
                    assert time.monotonic() < until, log
                    assert self._process.poll() is None, log
                    time.sleep(0.2)


def _template(
    name: str, name_flags: int, signatures: int, policies: tuple[str, ...], security: str
) -> str:
    period = base64.b64encode(struct.pack("<q", -365 * 864 * 10**9)).decode()
    needed = "".join(f"msPKI-RA-Application-Policies: {each}\n" for each in policies)
    return (
        f"dn: CN={name},CN=Certificate Templates,{PKI}\nchangetype: add\n"
        f"objectClass: pKICertificateTemplate\ndisplayName: {name} (shown)\nflags: 131680\n"
        "revision: 100\npKIDefaultKeySpec: 1\nmsPKI-Template-Schema-Version: 2\n"
        f"msPKI-Certificate-Name-Flag: {name_flags}\nmsPKI-Enrollment-Flag: 0\n"
        f"msPKI-RA-Signature: {signatures}\n{needed}msPKI-Minimal-Key-Size: 2048\n"
        f"pKIExtendedKeyUsage: 1.3.6.1.5.5.7.3.{2 if signatures else 1}\n"
        f"pKIExpirationPeriod:: {period}\nnTSecurityDescriptor: {security}\n\n"
    )


def _certificate(name: str, key: rsa.RSAPrivateKey, *hosts: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(each) for each in hosts])
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )


def _tls() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(65537, 2048)
    form = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    certificate = _certificate(HOST, key, HOST, ALIAS)
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(*form)
