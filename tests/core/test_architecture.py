# SPDX-License-Identifier: GPL-3.0-or-later
"""The house plan, enforced: what may import what, what loads when, and what every source file carries."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from diffusion_talker import errors

ROOT: Final = Path(__file__).resolve().parents[2]
CORE: Final = ROOT / "core" / "diffusion_talker"
SOURCES: Final = sorted(CORE.rglob("*.py"))
ADDON_SOURCES: Final = sorted((ROOT / "blender_addon").rglob("*.py"))

#: Part of the core -> the other parts it may import. An arrow that is not here runs the wrong way.
ARROWS: Final[Mapping[str, set[str]]] = {
    "__init__": set(),
    "errors": set(),
    "channels": set(),
    "files": {"errors"},
    "audio": {"errors", "files"},
    "motion": {"channels", "errors"},
    "library": {"audio", "errors", "files", "student"},
    "formats": {"channels", "errors", "files", "motion"},
    "student": {"audio", "channels", "errors", "files", "library", "motion"},
    "rigs": {"channels", "errors", "files", "motion"},
    "models": {"audio", "channels", "errors", "files", "motion", "student"},
    "corpus": {"audio", "channels", "errors", "files", "models", "motion"},
    "training": {"audio", "channels", "corpus", "errors", "files", "library", "models", "motion", "rigs", "student"},
    "evaluation": {
        "audio", "channels", "corpus", "errors", "files", "formats", "library", "models", "motion", "rigs", "student",
    },
    "cli": {"audio", "channels", "corpus", "errors", "evaluation", "files", "formats", "library", "motion", "student"},
    "__main__": {"cli"},
}

#: The only files in which a package beyond NumPy may be imported, by package. soundfile decodes, the rest trains.
HEAVY_IMPORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "soundfile": ("audio/", "corpus/", "training/"),
    "torch": ("student/torch_network.py", "student/runtime.py", "models/", "training/"),
    "safetensors": ("models/", "training/"),
    "transformers": ("models/", "training/"),
    "matplotlib": ("evaluation/",),
    "av": ("evaluation/rendering/",),
    "scipy": ("corpus/", "training/"),
}

ERROR_TYPES: Final = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def imported_modules(source: Path) -> Iterator[str]:
    """Full names of the modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 or not source.is_relative_to(CORE), f"{source}: relative import in the core"
            from_package = node.module == "diffusion_talker"
            yield from (f"{node.module}.{alias.name}" if from_package else node.module or "" for alias in node.names)


def part_of(module: str) -> str:
    """Part of the core that a module belongs to: diffusion_talker.student.noise -> student."""
    part = (module.split(".") + ["__init__"])[1]
    return part if part in ARROWS else "__init__"  # a name of the package itself, such as __version__


def own_part(source: Path) -> str:
    return source.relative_to(CORE).with_suffix("").parts[0]


def modules_loaded_by(statement: str) -> set[str]:
    """Names of all modules in a new process after running `statement`."""
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'core')!r}); {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(result.stdout.split())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_arrows_run_one_way(source: Path) -> None:
    part = own_part(source)
    own = {part_of(module) for module in imported_modules(source) if module.split(".")[0] == "diffusion_talker"}
    assert own - {part, "__init__"} <= ARROWS[part]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(CORE)))
def test_heavy_packages_stay_in_their_places(source: Path) -> None:
    place = source.relative_to(CORE).as_posix()
    for module in imported_modules(source):
        package = module.split(".")[0]
        if package in HEAVY_IMPORTS:
            assert place.startswith(HEAVY_IMPORTS[package]), f"{place} imports {package}"
        else:
            assert package in sys.stdlib_module_names | {"numpy", "diffusion_talker"}, f"{place} imports {package}"


def test_no_blender_in_the_core() -> None:
    blender = {"bpy", "bmesh", "mathutils", "aud", "bl_ext", "blender_addon"}
    assert not [source for source in SOURCES if blender & {module.split(".")[0] for module in imported_modules(source)}]


def test_the_add_on_takes_only_what_ships() -> None:
    allowed = {"__init__", "errors", "channels", "motion", "audio", "formats", "student", "library", "rigs", "files"}
    for source in ADDON_SOURCES:
        for module in imported_modules(source):
            if module.split(".")[0] == "diffusion_talker":
                assert part_of(module) in allowed, f"{source.name} imports {module}"
            assert module.split(".")[0] not in HEAVY_IMPORTS, f"{source.name} imports {module}"


def test_the_package_itself_loads_nothing() -> None:
    loaded = modules_loaded_by("import diffusion_talker")
    assert not {name for name in loaded if name.startswith("diffusion_talker.")}
    assert not {"numpy", "torch", "scipy", "soundfile"} & loaded


@pytest.mark.parametrize(
    "statement",
    [
        "import diffusion_talker.student, diffusion_talker.library, diffusion_talker.formats",
        "import diffusion_talker.cli.generate",
        "import numpy; from diffusion_talker.audio import ArraySource, log_mel;"
        "log_mel(ArraySource(numpy.zeros(9000), 44100), 0, 9)",
    ],
)
def test_the_way_from_audio_to_curves_is_numpy_alone(statement: str) -> None:
    assert not {"torch", "scipy", "soundfile", "transformers", "bpy"} & modules_loaded_by(statement)


@pytest.mark.parametrize("source", SOURCES + ADDON_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_states_licence_and_purpose(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert ast.get_docstring(ast.parse(text)), "no module docstring"
    assert "TODO" not in text and "FIXME" not in text


@pytest.mark.parametrize("source", SOURCES + ADDON_SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} has more than 60 lines"


@pytest.mark.parametrize("kind", ERROR_TYPES, ids=lambda kind: kind.__name__)
def test_every_error_has_one_root_and_says_what_it_means(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.DiffusionTalkerError)
    assert kind.__name__.endswith("Error")
    assert (kind.__doc__ or "").strip().endswith(".")


def raised_names() -> set[str]:
    """Names of everything that a `raise X(...)` or a helper's `return X(...)` in the core or the add-on makes."""
    names: set[str] = set()
    for source in SOURCES + ADDON_SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names.add(node.func.id)
    return names


def test_every_error_type_has_a_cause() -> None:
    causes = raised_names()
    bases = {base for kind in ERROR_TYPES for base in kind.__bases__}
    assert not {kind.__name__ for kind in ERROR_TYPES if kind not in bases and kind.__name__ not in causes}
