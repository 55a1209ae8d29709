"""From the environment and a TOML file to settings, or to every mistake in them."""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from scm_api.settings.fields import PREFIX, Settings

FILE_VARIABLE = "SCM_SETTINGS_FILE"
_SECRET = frozenset({"database_url", "secret_keys"})


@dataclass(frozen=True, slots=True)
class Mistake:
    """One setting that cannot be used: its name where it was set, what stood there, what may."""

    setting: str
    given: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.given}. {self.accepted}"


class SettingsError(Exception):
    """The service cannot start with these settings; `mistakes` holds every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def load_settings() -> Settings:
    """Read and check the settings; raises SettingsError with every mistake, not only the first."""
    from_file, mistakes = _read_file()
    from_environment = EnvSettingsSource(Settings)()
    given = from_file | from_environment
    known = {name: value for name, value in given.items() if name in Settings.model_fields}
    mistakes += _unknown_variables() + _unknown_keys(from_file)
    wrong: set[str] = set()
    try:
        settings = Settings(**known)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors(include_input=False)}
        mistakes += [_mistake(name, known[name], from_environment) for name in sorted(wrong)]
        settings = Settings(**{name: value for name, value in known.items() if name not in wrong})
    mistakes += _disagreements(settings, wrong)
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _read_file() -> tuple[dict[str, Any], list[Mistake]]:
    path = os.environ.get(FILE_VARIABLE)
    if not path:
        return {}, []
    try:
        return tomllib.loads(Path(path).read_text()), []
    except OSError as error:
        reason = f"{path} cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        reason = f"{path} is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = f"{path} is not TOML ({error})"
    return {}, [Mistake(FILE_VARIABLE, reason, "The path of a readable TOML file, or unset.")]


def _unknown_variables() -> list[Mistake]:
    names = {f"{PREFIX}{field}".upper() for field in Settings.model_fields} | {FILE_VARIABLE}
    return [
        Mistake(variable, "there is no such setting", _suggestion(variable.upper(), names))
        for variable in sorted(os.environ)
        if variable.upper().startswith(PREFIX) and variable.upper() not in names
    ]


def _unknown_keys(from_file: Mapping[str, Any]) -> list[Mistake]:
    return [
        Mistake(
            f"{key} (file)", "there is no such setting", _suggestion(key, Settings.model_fields)
        )
        for key in sorted(from_file)
        if key not in Settings.model_fields
    ]


def _suggestion(name: str, names: Any) -> str:
    if name.upper().removeprefix(PREFIX) == "PUBLIC_URL":  # of 0.1.0
        return "It did nothing. Take it out."
    close = difflib.get_close_matches(name, names, n=1)
    return f"Did you mean {close[0]}?" if close else "The settings are listed in docs/deploy.md."


def _mistake(name: str, given: Any, from_environment: Mapping[str, Any]) -> Mistake:
    field = Settings.model_fields[name]
    shown = "the value given is not accepted" if name in _SECRET else f"{given!r} is not accepted"
    setting = f"{PREFIX}{name}".upper() if name in from_environment else f"{name} (file)"
    return Mistake(setting, shown, field.description or "")


def _disagreements(settings: Settings, wrong: set[str]) -> list[Mistake]:
    """Settings that are fine alone and not together; those already found wrong are left out."""
    found = []
    if settings.write_deadline_seconds >= settings.lease_seconds:
        found.append(("write_deadline_seconds", "lease_seconds", "not shorter than lease_seconds"))
    if settings.database_url and settings.secret_keys is None:
        found.append(("secret_keys", "database_url", "missing, though database_url is set"))
    if not settings.test_mode:
        crash = sorted({"test_crash_point", "test_crash_signal"} & settings.model_fields_set)
        found += [(name, "test_mode", "refused outside tests") for name in crash]
    return [
        Mistake(f"{PREFIX}{name}".upper(), reason, Settings.model_fields[name].description or "")
        for name, other, reason in found
        if not {name, other} & wrong
    ]
