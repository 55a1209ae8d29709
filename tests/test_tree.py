"""The tree itself: what lies at the top, how long things are, and that nobody's index is named."""

import ast
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
BESIDE = sorted(path for top in ("benchmarks", "tests") for path in (ROOT / top).rglob("*.py"))
TOP = {
    ".ci",
    ".dockerignore",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "alembic.ini",
    "benchmarks",
    "docs",
    "migrations",
    "openapi",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements-image.lock",
    "requirements-kerberos.lock",
    "requirements.lock",
    "src",
    "tests",
}
LOCKS = sorted(name for name in TOP if name.endswith(".lock"))
# In halves, or this file would be its own first find.
REGISTRIES = [
    f"{host}.{domain}"
    for host, domain in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("rubygems", "org"),
        ("crates", "io"),
        ("maven", "org"),
    )
]


def tracked() -> list[Path]:
    """Files that are, or would be, committed; without git, every file outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [
            path
            for top in TOP
            for path in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*"))
            if "__pycache__" not in path.parts
        ]
    return [path for path in paths if path.is_file()]


def functions(source: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_the_top_level_is_exactly_as_agreed() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} == TOP


def test_no_registry_address_is_in_the_tree() -> None:
    found = [
        f"{path.relative_to(ROOT)} names {registry}"
        for path in tracked()
        for registry in REGISTRIES
        if registry in path.read_bytes().decode(errors="replace").lower()
    ]
    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_t82_every_locked_package_is_pinned_and_hashed_and_has_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    requirements = re.sub(r"(?m)^\s*#.*$", "", text).replace("\\\n", " ").split("\n")
    wanted = re.compile(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}.*")
    assert [line for line in requirements if line.strip() and not wanted.fullmatch(line)] == []
    assert "://" not in text
    assert "index-url" not in text.replace("--no-emit-index-url", "")


def test_the_locks_agree_with_each_other() -> None:
    pins = [
        dict(re.findall(r"(?m)^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / name).read_text()))
        for name in ("requirements-image.lock", "requirements.lock", "requirements-dev.lock")
    ]
    for smaller, larger in pairwise(pins):
        assert smaller.items() <= larger.items()


def test_no_source_file_is_over_350_lines() -> None:
    files = [*SOURCES, *BESIDE]
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in files}
    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_no_function_is_over_50_lines() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{name}": length
        for path in SOURCES
        for name, length in functions(path)
        if length > 50
    }
    assert long == {}


def test_ci_runs_what_a_developer_runs() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    commands = [
        line
        for line in script.read_text().splitlines()
        if line and not line.startswith(("#", "set ", "cd "))
    ]
    assert commands == ["exec make test"]


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"(?m)^\.PHONY: (.*)$", makefile)
    assert phony is not None
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"(?m)^  make (\S+) +\S", shown) == re.findall(
        r"(?m)^([a-z-]+):.*## ", makefile
    )
    assert sorted(phony[1].split()) == sorted(re.findall(r"(?m)^  make (\S+) +\S", shown))
