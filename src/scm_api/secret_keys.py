"""The key ring in force: from the settings, or generated once beside the embedded database."""

import base64
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from scm_api.core.sealing import KeyRing
from scm_api.settings import Settings


class KeyRingError(Exception):
    """The generated key ring cannot be used; the text names file and entry, never its content."""


def load_key_ring(settings: Settings) -> KeyRing:
    """The ring that seals secrets; without one in the settings, the generated one.

    Raises KeyRingError when the generated file was damaged or cannot be read.
    """
    if settings.secret_keys is not None:
        return KeyRing.parse([entry.get_secret_value() for entry in settings.secret_keys])
    path = _file(settings)
    try:
        if not path.exists():
            _write(path, [_fresh_entry()], replace=False)
        return KeyRing.parse(path.read_text().split())
    except ValueError as error:
        raise KeyRingError(f"{path} is damaged: {error}. Put a copy of it in place.") from error
    except OSError as error:
        raise KeyRingError(f"{error.filename or path}: {error.strerror}.") from error


def add_generated_key(settings: Settings) -> KeyRing:
    """Put a fresh key in front of the generated ring; what older keys sealed still opens.

    Raises ValueError when the ring comes from the settings: the operator adds the key there.
    """
    if settings.secret_keys is not None:
        raise ValueError("the key ring is set by the operator")
    load_key_ring(settings)
    path = _file(settings)
    _write(path, [_fresh_entry(), *path.read_text().split()], replace=True)
    return load_key_ring(settings)


def _file(settings: Settings) -> Path:
    return settings.data_directory / "secret-keys"


def _fresh_entry() -> str:
    return f"{secrets.token_hex(4)}:{base64.b64encode(os.urandom(32)).decode()}"


def _write(path: Path, entries: list[str], *, replace: bool) -> None:
    """Whole or not at all, and durable first: a lost key ring loses every sealed secret."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix="secret-keys-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{entry}\n" for entry in entries))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(draft).replace(path)
        else:  # of two processes that start at once, the first one's keys count for both
            with suppress(FileExistsError):
                path.hardlink_to(draft)
    finally:
        Path(draft).unlink(missing_ok=True)
