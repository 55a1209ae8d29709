"""What an operator may set: `SCM_...` variables over a TOML file over the defaults of `fields`.

`load_settings` is the one way from the environment to a `Settings`; building a `Settings` by hand
reads nothing from outside.
"""

from scm_api.settings.fields import CrashPoint, Settings
from scm_api.settings.loading import Mistake, SettingsError, load_settings

__all__ = ["CrashPoint", "Mistake", "Settings", "SettingsError", "load_settings"]
