"""`certutil` on the CA's host, as far as it revokes: its arguments, its words, its exit code."""

from dataclasses import dataclass
from typing import Final

from scm_api.sandbox.microsoft import hresults as H  # noqa: N812 -- a table of codes
from scm_api.sandbox.microsoft.catalogue import CA_HOST, CA_NAME
from scm_api.sandbox.microsoft.domain import Account
from scm_api.sandbox.microsoft.hresults import Refusal
from scm_api.sandbox.microsoft.revocation import RELEASE, Revocations
from scm_api.sandbox.microsoft.simulator import Simulator

_NOT_A_COMMAND: Final = {
    "en": "'{}' is not recognized as an internal or external command,\r\noperable program or "
    "batch file.\r\n",
    "fr": "'{}' n’est pas reconnu en tant que commande interne\r\nou externe, un programme "
    "exécutable ou un fichier de commandes.\r\n",
    "de": 'Der Befehl "{}" ist entweder falsch geschrieben oder\r\n'
    "konnte nicht gefunden werden.\r\n",
}
_REVOKING: Final = {
    "en": 'Revoking "{}" -- Reason: {}\r\n',
    "fr": "Révocation de «\xa0{}\xa0» -- Raison\xa0: {}\r\n",
    "de": '"{}" wird gesperrt. Ursache: {}\r\n',
}
_DONE: Final = {
    "en": "CertUtil: -{} command completed successfully.\r\n",
    "fr": "CertUtil: -{} La commande s’est terminée correctement.\r\n",
    "de": "CertUtil: -{}-Befehl wurde erfolgreich ausgeführt.\r\n",
}
_FAILED: Final = {
    "en": "CertUtil: -{} command FAILED: 0x{:x} ({})\r\nCertUtil: {}\r\n",
    "fr": "CertUtil: -{} ÉCHEC de la commande : 0x{:x} ({})\r\nCertUtil: {}\r\n",
    "de": "CertUtil: -{}-Befehl ist fehlgeschlagen: 0x{:x} ({})\r\nCertUtil: {}\r\n",
}
_CONNECTING: Final = {
    "en": 'Connecting to {} ...\r\nServer "{}" ICertRequest2 interface is alive (0ms)\r\n',
    "fr": "Connexion à {} ...\r\nLe serveur «\xa0{}\xa0» est actif (0ms)\r\n",
    "de": 'Verbindung mit {} wird hergestellt...\r\nDer Server "{}" ist aktiv (0ms)\r\n',
}
_REASONS: Final = {
    0: "Unspecified",
    1: "Key Compromise",
    2: "CA Compromise",
    3: "Affiliation Changed",
    4: "Superseded",
    5: "Cessation of Operation",
    6: "Certificate Hold",
    8: "Remove from CRL",
    -1: "Unrevoke",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended: what it wrote, and its exit code, which is the HRESULT of certutil."""

    output: str
    error: str
    exit_code: int


def run(simulator: Simulator, caller: Account, command_line: str) -> Ended:
    """Run the commands of which there are two; any other is one that the shell does not find."""
    language = simulator.behaviour.language
    words = split(command_line)
    program = words[0].rpartition("\\")[2].casefold() if words else ""
    if program not in ("certutil", "certutil.exe"):
        return Ended("", _said(_NOT_A_COMMAND, language).format(words[0] if words else ""), 1)
    arguments = words[1:]
    config = ""
    if len(arguments) >= 2 and _option(arguments[0]) == "config":
        config, arguments = arguments[1], arguments[2:]
    verb = _option(arguments[0]) if arguments else ""
    try:
        said = _carried_out(simulator, caller, config, verb, arguments)
    except Refusal as refusal:
        return _failure(verb or "?", refusal, language)
    return Ended(said + _said(_DONE, language).format(verb), "", 0)


def split(command_line: str) -> list[str]:
    """Words of a Windows command line; quotes keep blanks together, a backslash is itself."""
    words: list[str] = []
    word, is_quoted, has_word = "", False, False
    for letter in command_line:
        if letter == '"':
            is_quoted, has_word = not is_quoted, True
        elif letter in " \t" and not is_quoted:
            if has_word:
                words.append(word)
            word, has_word = "", False
        else:
            word, has_word = word + letter, True
    return [*words, word] if has_word else words


def _carried_out(
    simulator: Simulator, caller: Account, config: str, verb: str, arguments: list[str]
) -> str:
    """What the verb writes. Raises Refusal."""
    match verb, arguments:
        case "revoke", [_, serial]:
            return _revoke(simulator, caller, config, serial, "0")
        case "revoke", [_, serial, reason]:
            return _revoke(simulator, caller, config, serial, reason)
        case "ping", [_]:
            _require_config(config)
            return _said(_CONNECTING, simulator.behaviour.language).format(config, CA_NAME)
    raise Refusal(H.INVALID_ARGUMENT)


def _revoke(simulator: Simulator, caller: Account, config: str, serial: str, reason: str) -> str:
    _require_config(config)
    try:
        number = int(reason)
    except ValueError as error:
        raise Refusal(H.INVALID_ARGUMENT) from error
    if number not in _REASONS:
        raise Refusal(H.INVALID_ARGUMENT)
    Revocations(simulator).revoke(caller, serial, RELEASE if number == -1 else number)
    return _said(_REVOKING, simulator.behaviour.language).format(serial, _REASONS[number])


def _require_config(config: str) -> None:
    """`HOST\\CA`; another host is not reached, another name is no CA there."""
    host, _, name = config.partition("\\")
    if host.casefold() not in (CA_HOST, CA_HOST.partition(".")[0]):
        raise Refusal(H.RPC_UNAVAILABLE)
    if name.casefold() != CA_NAME.casefold():
        raise Refusal(H.INVALID_ARGUMENT)


def _failure(verb: str, refusal: Refusal, language: str) -> Ended:
    words, _, rest = H.text(refusal.hresult, language).rpartition(" 0x")
    inner = rest.partition(" (")[2].rstrip(")")
    said = _said(_FAILED, language).format(verb.lstrip("-/"), refusal.hresult, inner, words)
    return Ended(said, "", refusal.hresult - (1 << 32))


def _option(word: str) -> str:
    return word[1:].casefold() if word[:1] in "-/" else ""


def _said(table: dict[str, str], language: str) -> str:
    return table.get(language, table["en"].encode("ascii", "replace").decode())
