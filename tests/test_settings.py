"""Settings: what wins, what is refused, and that every mistake is told without its secrets."""

import base64
import os
from pathlib import Path

import pytest

from scm_api.secret_keys import KeyRingError, add_generated_key, load_key_ring
from scm_api.settings import CrashPoint, Mistake, Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[1]
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(1, 33))).decode()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SCM_"):
            monkeypatch.delenv(name)


def mistakes() -> dict[str, Mistake]:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return {mistake.setting: mistake for mistake in caught.value.mistakes}


def write(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(text)
    monkeypatch.setenv("SCM_SETTINGS_FILE", str(path))


def test_defaults_start_an_embedded_service_on_loopback() -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.secret_keys is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_directory == Path.cwd() / ".scm-api"
    assert settings.write_deadline_seconds < settings.lease_seconds
    assert not settings.allow_loopback_endpoints


def test_a_variable_beats_the_file_which_beats_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scm.toml", "port = 8100\nhost = '::1'\n", monkeypatch)
    monkeypatch.setenv("SCM_PORT", "8200")
    settings = load_settings()
    assert (settings.port, settings.host, settings.api_processes) == (8200, "::1", 1)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", "")
    assert load_settings().database_url is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_database_urls_are_brought_to_one_form(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", f"{scheme}://u:p@h/d")
    monkeypatch.setenv("SCM_SECRET_KEYS", f"k1:{KEY}")
    assert load_settings().database_url == "postgresql+asyncpg://u:p@h/d"


@pytest.mark.parametrize(
    "rest",
    [
        "u:p@h:http/d",
        "u:p@h/d\n",
        "u:p#w@h/d",
        "u:p@w@h/d",
        "u:p/w@h/d",
        "u@h/d?password=canary",
        "u@h/d?ssl=require",
        "u@h/d?sslmode=requir",
        "u@h/d?sslmode",
        "u@h/d?sslmode=require&channel_binding=require",
    ],
)
def test_database_urls_that_nothing_could_be_reached_by_are_refused(
    rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", f"postgresql://{rest}")
    assert set(mistakes()) == {"SCM_DATABASE_URL"}


def test_a_database_may_have_several_hosts_and_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    rest = "u:p%40@[::1]:5432,h2/d?target_session_attrs=primary&sslmode=verify-full"
    monkeypatch.setenv("SCM_DATABASE_URL", f"postgresql://{rest}")
    monkeypatch.setenv("SCM_SECRET_KEYS", f"k1:{KEY}")
    assert load_settings().database_url == f"postgresql+asyncpg://{rest}"


def test_the_home_directory_of_nobody_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_DATA_DIRECTORY", "~nobody-has-this-name/data")
    assert set(mistakes()) == {"SCM_DATA_DIRECTORY"}


def test_key_rings_come_from_a_variable_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scm.toml", f'secret_keys = ["k2:{OTHER_KEY}"]', monkeypatch)
    assert load_key_ring(load_settings()).active == "k2"
    monkeypatch.setenv("SCM_SECRET_KEYS", f"k1:{KEY}, k2:{OTHER_KEY}")
    ring = load_key_ring(load_settings())
    assert ring.active == "k1"
    assert ring.keys == {"k1": bytes(range(32)), "k2": bytes(range(1, 33))}


def test_every_mistake_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "scm.toml", "prot = 1\nlog_format = 'xml'\nlease_seconds = 5\n", monkeypatch)
    monkeypatch.setenv("SCM_PORT", "http")
    monkeypatch.setenv("SCM_DATABASE_URI", "postgresql://h/d")
    monkeypatch.setenv("SCM_KEY_BLOCKLIST_DIRECTORY", str(tmp_path / "none"))
    found = mistakes()
    assert set(found) == {
        "SCM_PORT",
        "SCM_DATABASE_URI",
        "SCM_KEY_BLOCKLIST_DIRECTORY",
        "SCM_WRITE_DEADLINE_SECONDS",
        "log_format (file)",
        "prot (file)",
    }
    assert str(found["SCM_PORT"]) == (
        "SCM_PORT: 'http' is not accepted. TCP port to listen on, 1 to 65535."
    )
    assert found["SCM_DATABASE_URI"].accepted == "Did you mean SCM_DATABASE_URL?"
    assert found["prot (file)"].accepted == "Did you mean port?"
    assert "shorter than lease_seconds" in found["SCM_WRITE_DEADLINE_SECONDS"].accepted


def test_secrets_are_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", "mysql://u:canary@h/d")
    monkeypatch.setenv("SCM_SECRET_KEYS", "k1:canary")
    monkeypatch.setenv("SCM_SECRET_KEY", "canary")
    found = mistakes()
    assert set(found) == {"SCM_DATABASE_URL", "SCM_SECRET_KEYS", "SCM_SECRET_KEY"}
    assert "canary" not in "\n".join(map(str, found.values()))


def test_a_settings_object_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", "postgresql://u:canary@h/d")
    monkeypatch.setenv("SCM_SECRET_KEYS", f"k1:{KEY}")
    shown = repr(load_settings())
    assert "canary" not in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    "ring",
    [
        "k1",
        f":{KEY}",
        "k1:AAAA",
        "k1:!" + KEY[1:],
        f"k1:{KEY},k1:{OTHER_KEY}",
        f"k1:{KEY},",
        f"{'k' * 65}:{KEY}",
    ],
)
def test_wrong_key_rings_are_refused(ring: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_SECRET_KEYS", ring)
    assert set(mistakes()) == {"SCM_SECRET_KEYS"}


def test_a_given_database_needs_a_given_key_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_DATABASE_URL", "postgresql://h/d")
    assert mistakes()["SCM_SECRET_KEYS"].given == "missing, though database_url is set"


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_TRUSTED_PROXIES", "10.0.0.7, 2001:db8::/32")
    assert load_settings().trusted_proxies == ("10.0.0.7", "2001:db8::/32")
    monkeypatch.setenv("SCM_TRUSTED_PROXIES", "10.0.0.7,*")
    assert set(mistakes()) == {"SCM_TRUSTED_PROXIES"}


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2", "\x00"])
def test_a_file_that_is_no_toml_is_a_mistake(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scm.toml", text, monkeypatch)
    monkeypatch.setenv("SCM_PORT", "0")
    assert set(mistakes()) == {"SCM_SETTINGS_FILE", "SCM_PORT"}


def test_a_setting_that_is_gone_is_not_taken_for_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scm.toml", 'public_url = "https://pki.test"', monkeypatch)
    monkeypatch.setenv("SCM_PUBLIC_URL", "https://pki.test")
    found = mistakes()
    assert set(found) == {"SCM_PUBLIC_URL", "public_url (file)"}
    assert all("Take it out" in mistake.accepted for mistake in found.values())


def test_a_missing_file_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_SETTINGS_FILE", str(tmp_path / "none.toml"))
    assert "No such file" in mistakes()["SCM_SETTINGS_FILE"].given


def test_crash_points_are_refused_outside_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_TEST_CRASH_POINT", "after_send:2")
    monkeypatch.setenv("SCM_TEST_CRASH_SIGNAL", "stop")
    assert set(mistakes()) == {"SCM_TEST_CRASH_POINT", "SCM_TEST_CRASH_SIGNAL"}
    monkeypatch.setenv("SCM_TEST_MODE", "1")
    assert load_settings().test_crash_point == CrashPoint("after_send", 2)


@pytest.mark.parametrize("point", ["after_send", "after_send:0", "after_lunch:1", "after_send:x"])
def test_unknown_crash_points_are_refused(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCM_TEST_MODE", "1")
    monkeypatch.setenv("SCM_TEST_CRASH_POINT", point)
    assert set(mistakes()) == {"SCM_TEST_CRASH_POINT"}


def test_the_generated_key_ring_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path / "data")
    ring = load_key_ring(settings)
    assert load_key_ring(settings).keys == ring.keys
    assert (tmp_path / "data" / "secret-keys").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret-keys"]


def test_an_added_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    settings = Settings(data_directory=tmp_path)
    old = load_key_ring(settings)
    sealed = old.seal(b"secret", "row/1")
    new = add_generated_key(settings)
    assert new.active != old.active
    assert new.open(sealed, "row/1") == b"secret"
    assert (tmp_path / "secret-keys").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_ring_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret-keys").write_text("k1:canary")
    with pytest.raises(KeyRingError) as caught:
        load_key_ring(Settings(data_directory=tmp_path))
    assert str(tmp_path / "secret-keys") in str(caught.value)
    assert "canary" not in str(caught.value)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = (ROOT / "docs" / "deploy.md").read_text().splitlines()
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, bool):
            default = str(default).lower()
        shown = "unset" if default in (None, ()) else f"`{default}`"
        assert f"| `SCM_{name.upper()}` | {shown} | {field.description} |" in rows
