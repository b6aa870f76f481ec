# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that hold for the whole repository."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import build

ROOT = Path(build.__file__).parent
HEADER = "# SPDX-License-Identifier: GPL-3.0-or-later"
LONGEST_FUNCTION = 60
LARGEST_FILE_BYTES = 16 * 2**20


def source_files() -> list[Path]:
    folders = ("core", "blender_addon", "demo", "tests", "benchmarks", "docs")
    inside = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        ROOT / "build.py",
        *(path for path in inside if "build" not in path.relative_to(ROOT).parts[1:2] or "tests" in path.parts),
    ]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_source_file_has_license_docstring_and_short_functions(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(HEADER), "the first line is the license"
    assert ast.get_docstring(ast.parse(text)), "then comes the module's docstring"
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in functions(path)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert not long, f"longer than {LONGEST_FUNCTION} lines: {long}"


@pytest.mark.parametrize("path", [path for path in source_files() if "tests" not in path.parts], ids=relative)
def test_every_function_is_annotated(path: Path) -> None:
    bare = [node.name for node in functions(path) if node.returns is None]
    assert not bare, f"no return annotation: {bare}"


def test_source_is_clean() -> None:
    if importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed here")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_commands_of_the_readme_exist() -> None:
    """Every build.py line in the documents parses, and every file they link to is there."""
    for document in documents():
        for line in re.findall(
            r"^python3?(?:\.\d+)? build\.py (.*?)(?:\s+#.*)?$", document.read_text("utf-8"), re.MULTILINE
        ):
            build.parse(line.split())


@pytest.mark.parametrize(
    "document", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("demo/*.md")]), ids=relative
)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("demo/*.md")]


def test_license_is_the_full_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in text and "Version 3, 29 June 2007" in text and len(text) > 30_000


def test_continuous_integration_covers_every_blender() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True, timeout=30)
    assert "set -euo pipefail" in script
    for blender in build.BLENDERS:
        is_default = build.DEFAULT_RELEASE[(3, 11)] == blender.release
        assert is_default or f"build.py test --blender {blender.release}" in script


def test_committed_files_are_small_and_of_no_machine() -> None:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    committed = [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]
    assert not [relative(path) for path in committed if path.stat().st_size > LARGEST_FILE_BYTES]
    texts = [
        path for path in committed if path.suffix in {".py", ".md", ".toml", ".json", ".txt"} and path != Path(__file__)
    ]
    named = [relative(path) for path in texts if re.search(r"/(root|home/\w+|work)/", path.read_text("utf-8"))]
    assert not named, f"paths of one machine: {named}"
