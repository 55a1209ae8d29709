"""What a simulator is started with, and what may be changed while it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Language = Literal["en", "fr", "de", "xx"]
Scheme = Literal["Negotiate", "NTLM", "Basic", "Certificate"]
ExtendedProtection = Literal["none", "supported", "required"]


class Behaviour(BaseModel):
    """What may be changed while the simulator runs.

    `language` is that of the CA and its pages; `xx` is one nobody knows, with the element ids of
    every other. `unknown_pages`: pages have neither ids nor known words. `schemes` are what the
    site offers. `kerberos_persists`: a connection that Kerberos authenticated stays so
    (authPersistNonNTLM). `san_attribute` is EDITF_ATTRIBUTESUBJECTALTNAME2. `pends_all`: every
    request waits for a certificate manager. `size_counts_for_ecc`: the key size of a template is
    held against elliptic curves too. `site_ca` is the CA the web site serves. `revocation_offline`:
    the CRL for agent certificates cannot be reached. `agent_denied` are templates and accounts that
    the CA's enrollment agent restrictions leave out; with `target_needs_enroll` the account a
    certificate is for needs Enroll on the template too. `officer_denied` are templates whose
    certificates the certificate managers may not manage. `winrm_schemes` are what WinRM offers;
    `winrm_noise`: PowerShell's progress stands on the standard error of every command;
    `winrm_waits` is how often output is not there in time. `icpr_offered`: the CA has its RPC
    interface registered (not IF_NORPCICERTREQUEST), `icpr_listens`: at the port it registered;
    `icpr_level` is the lowest authentication level it takes. `ntlm_allowed`: RPC and LDAP take it.
    `ldap_channel_binding` is LdapEnforceChannelBinding, `ldap_requires_signing` is
    LDAPServerIntegrity, `ldap_takes_layers_on_tls`: a SASL layer inside TLS, which AD refuses;
    `ldap_page_size` is MaxPageSize. `latency_seconds` is added to every answer.
    """

    model_config = ConfigDict(extra="forbid")

    language: Language = "en"
    unknown_pages: bool = False
    schemes: list[Scheme] = ["Negotiate", "NTLM"]
    extended_protection: ExtendedProtection = "supported"
    kerberos_persists: bool = False
    san_attribute: bool = False
    pends_all: bool = False
    size_counts_for_ecc: bool = False
    site_ca: Literal["issuing", "other"] = "issuing"
    revocation_offline: bool = False
    agent_denied: list[str] = []
    target_needs_enroll: bool = False
    officer_denied: list[str] = []
    winrm_schemes: list[Scheme] = ["Negotiate"]
    winrm_noise: bool = True
    winrm_waits: Annotated[int, Field(ge=0)] = 0
    icpr_offered: bool = True
    icpr_listens: bool = True
    icpr_level: Annotated[int, Field(ge=1, le=6)] = 6
    ntlm_allowed: bool = True
    ldap_channel_binding: ExtendedProtection = "supported"
    ldap_requires_signing: bool = True
    ldap_takes_layers_on_tls: bool = False
    ldap_page_size: Annotated[int, Field(ge=1)] = 1000
    latency_seconds: Annotated[float, Field(ge=0)] = 0
    clock_offset_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a simulator is started with. Port 0 takes a free one.

    `rpc_port` is that of ICPR, `epm_port` that of the endpoint mapper which tells it; `ldap_port`
    is LDAP over TLS, `clear_ldap_port` LDAP in clear. `ca_key` is the kind of key of the issuing
    CA, `keytab` the file with the Kerberos key of `HTTP/host`; without it there is no Kerberos.
    """

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    winrm_port: int = 0
    control_port: int = 0
    rpc_port: int = 0
    epm_port: int = 0
    ldap_port: int = 0
    clear_ldap_port: int = 0
    ca_key: Literal["rsa", "ecdsa"] = "rsa"
    keytab: Path | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
