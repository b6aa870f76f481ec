# SPDX-License-Identifier: GPL-3.0-or-later
"""The one entry point of the repository: python build.py setup | demo | test | package.

Standard library only. Everything it makes lies inside the repository: environments in .venv*, the extension in dist/,
the demo in out/.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CORE = ROOT / "core"
ADDON = ROOT / "blender_addon"
WHEELS = ROOT / "wheels"
DIST = ROOT / "dist"
OUT = ROOT / "out"
MANIFEST = ROOT / "blender_manifest.toml"
STUDENT = CORE / "diffusion_talker" / "student" / "student.npz"
SPOKEN_LINE = ROOT / "demo" / "line.flac"

ZIP_DATE = (2026, 1, 1, 0, 0, 0)  # one fixed date for every packed file: the same tree gives the same bytes
CORE_SUFFIXES = frozenset({".py", ".npz", ".json", ".csv", ".txt", ".toml", ".md", ".typed"})
TEST_REQUIREMENTS = (
    "scipy>=1.11,<2",
    "pytest>=8,<10",
    "pytest-timeout>=2.3,<3",
    "hypothesis>=6,<7",
    "soundfile>=0.12,<1",
    "matplotlib>=3.8,<4",
    "av>=12,<20",
    "ruff>=0.6,<1",
)
PIP_INSTALL = ("-m", "pip", "install", "--disable-pip-version-check")
TORCH_VERSION = "2.13.0"
#: What the tests of training take beside PyTorch: checkpoints, pretrained ears, event files.
WITH_TORCH = ("safetensors>=0.4,<1", "transformers>=4.40,<6", "tensorboard>=2.16,<3")
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
SUITE_LIMIT_S = {"core": 1500, "addon": 900}
HEAVY_LIMIT_S = 3 * 3600


class BuildError(Exception):
    """Something the person at the keyboard has to change; the message says what."""


@dataclass(frozen=True)
class Blender:
    """One supported Blender and the Python module that stands in for it."""

    release: str
    bpy: str
    python: tuple[int, int]
    numpy: str
    extra: tuple[str, ...] = ()


BLENDERS = (
    # This wheel takes any NumPy where Blender 4.2 itself carries 1.x, and has no sound decoder: soundfile stands in.
    Blender("4.2", "bpy==4.2.23", (3, 11), "numpy>=1.26,<2", ("soundfile>=0.12,<1",)),
    Blender("4.5", "bpy==4.5.15", (3, 11), "numpy>=1.26,<2"),
    Blender("5.0", "bpy==5.0.1", (3, 11), "numpy>=1.26,<2"),
    Blender("5.2", "bpy==5.2.3", (3, 13), "numpy>=2.2,<3"),
)
DEFAULT_RELEASE = {(3, 11): "5.0", (3, 13): "5.2"}  # by the Python that runs build.py


@dataclass(frozen=True)
class Environment:
    """A virtual environment inside the repository that holds one Blender."""

    blender: Blender
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        return self.folder / "installed.txt"


# ---------------------------------------------------------------- environments


def blender_of(release: str | None) -> Blender:
    """The Blender asked for, or the one that fits the running Python."""
    version = sys.version_info[:2]
    if release is None and version not in DEFAULT_RELEASE:
        raise BuildError(unsupported_python_message(version))
    wanted = release or DEFAULT_RELEASE[version]
    return next(blender for blender in BLENDERS if blender.release == wanted)


def unsupported_python_message(version: tuple[int, ...]) -> str:
    found = ".".join(map(str, version[:2]))
    return (
        f"Blender's Python module exists for Python 3.11 and 3.13, and this is Python {found}: "
        "install Python 3.11 and run `python3.11 build.py` again."
    )


def environment_of(blender: Blender) -> Environment:
    """`.venv` holds the Blender that fits the running Python, `.venv-bpyX.Y` any other."""
    is_default = DEFAULT_RELEASE.get(sys.version_info[:2]) == blender.release
    return Environment(blender, ROOT / (".venv" if is_default else f".venv-bpy{blender.release}"))


def find_python(version: tuple[int, int]) -> Path:
    """An interpreter of this version: the running one, PATH, pyenv, the Windows launcher."""
    if sys.version_info[:2] == version:
        return Path(sys.executable)
    for candidate in python_candidates(version):
        if python_version(candidate) == version:
            return Path(candidate[0]) if len(candidate) == 1 else Path(launcher_target(candidate))
    name = ".".join(map(str, version))
    raise BuildError(
        f"Python {name} was not found, and this Blender needs it: install Python {name} "
        f"(python.org, your package manager, or `pyenv install {name}`) and run this again."
    )


def python_candidates(version: tuple[int, int]) -> list[tuple[str, ...]]:
    name = f"{version[0]}.{version[1]}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [(str(path),) for path in sorted(pyenv.glob(f"{name}*/bin/python"), reverse=True)]
    on_path = shutil.which(f"python{name}")
    launcher = shutil.which("py")
    return ([(on_path,)] if on_path else []) + found + ([(launcher, f"-{name}")] if launcher else [])


def python_version(command: tuple[str, ...]) -> tuple[int, int] | None:
    """(major, minor) of an interpreter, None when it does not start."""
    answer = ask_python(command, "import sys; print(*sys.version_info[:2])")
    return tuple(map(int, answer.split())) if answer else None  # type: ignore[return-value]


def launcher_target(command: tuple[str, ...]) -> str:
    return ask_python(command, "import sys; print(sys.executable)")


def ask_python(command: tuple[str, ...], code: str) -> str:
    try:
        done = subprocess.run([*command, "-c", code], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def prepare(blender: Blender, for_tests: bool) -> Environment:
    """Make the environment, or bring it up to date; quick when nothing is missing."""
    environment = environment_of(blender)
    create_environment(environment)
    requirements = [blender.bpy, blender.numpy, *blender.extra, *(TEST_REQUIREMENTS if for_tests else ())]
    missing = [line for line in requirements if line not in installed(environment)]
    if missing:
        size = " (about 350 MB to download)" if blender.bpy in missing else ""
        say(f"Installing {', '.join(missing)} into {relative(environment.folder)}{size}")
        pip_install(environment, [*requirements])
        remember(environment, requirements)
    if for_tests and environment.folder.name == ".venv" and blender.python == (3, 11):
        install_torch(environment)
    return environment


def create_environment(environment: Environment) -> None:
    if environment.python.exists() and python_version((str(environment.python),)) == environment.blender.python:
        return
    interpreter = find_python(environment.blender.python)
    say(f"Making {relative(environment.folder)} with {interpreter}")
    shutil.rmtree(environment.folder, ignore_errors=True)
    run([interpreter, "-m", "venv", environment.folder], "making the virtual environment")


def installed(environment: Environment) -> set[str]:
    return set(environment.stamp.read_text("utf-8").splitlines()) if environment.stamp.exists() else set()


def remember(environment: Environment, lines: list[str]) -> None:
    """Note what was installed; a new version of a package takes the place of the old one."""
    names = {package_name(line) for line in lines}
    kept = [line for line in installed(environment) if package_name(line) not in names]
    environment.stamp.write_text("\n".join(sorted([*kept, *lines])) + "\n", "utf-8")


def package_name(requirement: str) -> str:
    return re.split(r"[=<>]", requirement, maxsplit=1)[0]


def pip_install(environment: Environment, requirements: list[str]) -> None:
    command = [environment.python, *PIP_INSTALL, "--only-binary=:all:", *requirements]
    run(command, "installing packages with pip (is the network reachable?)")


def install_torch(environment: Environment) -> None:
    """PyTorch for the tests of training and of the second runtime; without it they skip and say so."""
    wanted = [f"torch=={TORCH_VERSION}", *WITH_TORCH]
    if installed(environment).issuperset(wanted):
        return
    say(f"Installing torch {TORCH_VERSION} for the tests that use it (optional)")
    for requirement, extra in torch_sources():
        command = [environment.python, *PIP_INSTALL, *extra, requirement, *WITH_TORCH, environment.blender.numpy]
        if subprocess.run(list(map(str, command)), cwd=ROOT).returncode == 0:
            remember(environment, wanted)
            return
    say("torch could not be installed here: tests that need it will be skipped.")


def torch_sources() -> list[tuple[str, list[str]]]:
    """Where a CPU build of torch may come from; on Linux the plain one on PyPI brings gigabytes of CUDA."""
    if sys.platform != "linux":
        return [(f"torch=={TORCH_VERSION}", [])]
    cpu = f"torch=={TORCH_VERSION}+cpu"
    return [(cpu, []), (cpu, ["--extra-index-url", TORCH_INDEX])]


# ---------------------------------------------------------------- packaging


def package(output_dir: Path, site_packages: Path) -> Path:
    """Build the extension zip in `output_dir`; Blender's own tool builds and validates it.

    `site_packages` is any folder that holds the bpy module: its extension tool is plain Python.
    """
    version = single_version()
    output_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="diffusion_talker_") as folder:
        stage = Path(folder) / "diffusion_talker"
        stage_extension(stage, build_wheel(Path(folder), version))
        target = output_dir.resolve() / f"diffusion_talker-{version}.zip"
        tool, tags = extension_tool(site_packages)
        blender_extension(tool, "build", "--source-dir", stage, "--output-filepath", target, "--valid-tags", tags)
        blender_extension(tool, "validate", target, "--valid-tags", tags)
    refuse_foreign_files(target)
    return target


def single_version() -> str:
    """The version, as diffusion_talker/__init__.py states it; manifest and changelog must agree."""
    import tomllib

    init = CORE / "diffusion_talker" / "__init__.py"
    stated = re.search(r'^__version__.*= "(.+)"', init.read_text("utf-8"), re.MULTILINE)
    version = stated.group(1) if stated else "missing"
    manifest = tomllib.loads(MANIFEST.read_text("utf-8"))
    if manifest["version"] != version or manifest["wheels"] != [f"./wheels/{wheel_name(version)}"]:
        raise BuildError(
            f"{relative(init)} says version {version}: write it into blender_manifest.toml too (version and wheels)."
        )
    if f"\n## {version} " not in (ROOT / "CHANGELOG.md").read_text("utf-8"):
        raise BuildError(f"CHANGELOG.md has no section for version {version}: add one.")
    return version


def wheel_name(version: str) -> str:
    return f"diffusion_talker-{version}-py3-none-any.whl"


def build_wheel(folder: Path, version: str) -> Path:
    """Write the core package as a pure wheel, the same bytes for the same tree."""
    info = f"diffusion_talker-{version}.dist-info"
    entries = {path.relative_to(CORE).as_posix(): path.read_bytes() for path in core_files()}
    entries |= {f"{info}/{name}": text.encode() for name, text in wheel_metadata(version).items()}
    entries[f"{info}/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    rows = [f"{name},sha256={digest(data)},{len(data)}\n" for name, data in sorted(entries.items())]
    entries[f"{info}/RECORD"] = ("".join(rows) + f"{info}/RECORD,,\n").encode()
    target = folder / wheel_name(version)
    write_zip(target, entries)
    return target


def core_files() -> list[Path]:
    """Every file of the core package; an unexpected kind stops the build."""
    inside = [
        path
        for path in sorted((CORE / "diffusion_talker").rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    foreign = [relative(path) for path in inside if path.suffix not in CORE_SUFFIXES]
    if foreign:
        raise BuildError(
            f"These files do not belong in a pure wheel: {', '.join(foreign)}. "
            "Remove them, or list their kind in build.py."
        )
    return inside


def wheel_metadata(version: str) -> dict[str, str]:
    import tomllib

    project = tomllib.loads((CORE / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = [
        "Metadata-Version: 2.1",
        "Name: diffusion-talker",
        f"Version: {version}",
        f"Summary: {project['description']}",
        "License: GPL-3.0-or-later",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {line}" for line in project["dependencies"]),
    ]
    scripts = [f"{name} = {target}" for name, target in project.get("scripts", {}).items()]
    wheel = ["Wheel-Version: 1.0", "Generator: build.py", "Root-Is-Purelib: true", "Tag: py3-none-any"]
    files = {"METADATA": metadata, "WHEEL": wheel, "top_level.txt": ["diffusion_talker"]}
    if scripts:
        files["entry_points.txt"] = ["[console_scripts]", *scripts]
    return {name: "\n".join(lines) + "\n" for name, lines in files.items()}


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def write_zip(target: Path, entries: dict[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(entries.items()):
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


def stage_extension(stage: Path, wheel: Path) -> None:
    """Lay the extension out as it will lie in the zip: the add-on's files, manifest and license at the root."""
    shutil.copytree(ADDON, stage, ignore=shutil.ignore_patterns("__pycache__", "*.py[co]"))
    shutil.copy(MANIFEST, stage)
    shutil.copy(ROOT / "LICENSE", stage)
    (stage / "wheels").mkdir()
    shutil.copy(wheel, stage / "wheels")
    moment = time.mktime((*ZIP_DATE, 0, 0, -1))
    for path in [stage, *stage.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (moment, moment))


def extension_tool(site_packages: Path) -> tuple[Path, Path]:
    """Blender's extension tool and its list of allowed tags, from the bpy module."""
    scripts = next(iter(sorted((site_packages / "bpy").glob("*/scripts"))), None)
    if scripts is None:
        raise BuildError(f"There is no bpy module in {site_packages}: run `python build.py setup`.")
    return scripts / "addons_core/bl_pkg/cli/blender_ext.py", scripts / "modules/_bpy_internal/extensions/tags.py"


def blender_extension(tool: Path, *arguments: str | Path) -> None:
    command = [sys.executable, str(tool), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tool.parent, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    )
    if done.returncode != 0:
        raise BuildError(f"Blender's extension tool refused `{arguments[0]}`:\n{done.stdout}{done.stderr}")


def refuse_foreign_files(extension: Path) -> None:
    """No binary may travel, and nothing that Blender itself carries."""
    with zipfile.ZipFile(extension) as archive:
        names = archive.namelist()
    wheels = [name for name in names if name.endswith(".whl")]
    binaries = [name for name in names if name.endswith((".so", ".pyd", ".dll", ".dylib", ".exe"))]
    if binaries or len(wheels) != 1 or not wheels[0].endswith("-py3-none-any.whl"):
        extension.unlink()
        raise BuildError(
            f"The extension may hold one pure wheel and no binaries, and this one holds {wheels + binaries}."
        )


def site_packages_of(environment: Environment) -> Path:
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python3.*/site-packages"
    return next(environment.folder.glob(pattern))


# ---------------------------------------------------------------- commands


def command_setup(arguments: argparse.Namespace) -> int:
    environment = prepare(blender_of(arguments.blender), for_tests=True)
    say(f"Ready: {relative(environment.python)} with {environment.blender.bpy}")
    return 0


def command_package(arguments: argparse.Namespace) -> int:
    environment = prepare(blender_of(None), for_tests=False)
    package_for_release(environment)
    return 0


def package_for_release(environment: Environment) -> Path:
    """The extension in dist/ and its wheel in wheels/."""
    if not STUDENT.is_file():
        raise BuildError(f"{relative(STUDENT)} is missing: train and export it first (README, Train it again).")
    extension = package(DIST, site_packages_of(environment))
    build_wheel(WHEELS, single_version())
    say(f"{relative(extension)}: {extension.stat().st_size / 1e6:.1f} MB, valid for Blender 4.2 and later")
    return extension


def command_demo(arguments: argparse.Namespace) -> int:
    audio = arguments.audio.resolve()
    if not audio.is_file():
        raise BuildError(f"There is no recording at {arguments.audio}: check the path after --audio.")
    start_s = time.perf_counter()
    environment = prepare(blender_of(arguments.blender), for_tests=False)
    prepared_s = time.perf_counter()
    extension = package_for_release(environment)
    packed_s = time.perf_counter()
    run_demo(environment, extension, audio)
    blender_s = time.perf_counter() - packed_s
    setup_s, package_s = prepared_s - start_s, packed_s - prepared_s
    say(f"Times: environment {setup_s:.0f} s, extension {package_s:.1f} s, Blender {blender_s:.0f} s")
    return 0


def run_demo(environment: Environment, extension: Path, audio: Path) -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="diffusion_talker_profile_") as profile:
        script = ROOT / "demo" / "demo_in_blender.py"
        command = [environment.python, script, "--extension", extension, "--audio", audio, "--out", OUT]
        run(command, "making the demo in Blender", {**os.environ, "BLENDER_USER_RESOURCES": profile})


def command_test(arguments: argparse.Namespace) -> int:
    environment = prepare(blender_of(arguments.blender), for_tests=True)
    suites = ("core", "addon") if arguments.suite == "all" else (arguments.suite,)
    results = {suite: run_suite(environment, suite, arguments) for suite in suites}
    where = f"Blender {environment.blender.release}, Python {'.'.join(map(str, environment.blender.python))}"
    for suite, (code, seconds) in results.items():
        verdict = "passed" if code == 0 else f"FAILED (exit code {code})"
        say(f"{suite} suite, {where}: {verdict} in {seconds:.0f} s")
    return max(abs(code) for code, _ in results.values())


def run_suite(environment: Environment, suite: str, arguments: argparse.Namespace) -> tuple[int, float]:
    """Exit code and duration of one suite, in a process of its own."""
    folders = {"core": ["tests/core", "tests/build"], "addon": ["tests/addon"]}[suite]
    selection = (["-k", arguments.k] if arguments.k else []) + (["-m", "heavy or not heavy"] if arguments.heavy else [])
    say(f"{suite} suite on Blender {environment.blender.release}")
    start_s = time.perf_counter()
    code = run_pytest(environment, [*folders, *selection], HEAVY_LIMIT_S if arguments.heavy else SUITE_LIMIT_S[suite])
    if code == 5 and arguments.k:
        say(f"No test of the {suite} suite matches {arguments.k!r}.")
        code = 0
    return code, time.perf_counter() - start_s


def run_pytest(environment: Environment, arguments: list[str], limit_s: float) -> int:
    command = [str(environment.python), "-X", "faulthandler", "-m", "pytest", *arguments]
    with tempfile.TemporaryDirectory(prefix="diffusion_talker_profile_") as profile:
        # One thread: the tests' networks are small, and threads that wait for a busy core make them ten times slower.
        variables = {"OMP_NUM_THREADS": "1", **os.environ, "BLENDER_USER_RESOURCES": profile}
        try:
            return subprocess.run(command, cwd=ROOT, env=variables, timeout=limit_s).returncode
        except subprocess.TimeoutExpired:
            say(f"Stopped after {limit_s:.0f} s: the tests did not end.")
            return 124


# ---------------------------------------------------------------- small things


def run(command: list[str | Path], what: str, variables: dict[str, str] | None = None) -> None:
    code = subprocess.run(list(map(str, command)), cwd=ROOT, env=variables).returncode
    if code != 0:
        raise BuildError(f"Failed with exit code {code} while {what}; the lines above say why.")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def say(line: str) -> None:
    print(f"[build] {line}", flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="build.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="setup | demo | test | package")
    releases = [blender.release for blender in BLENDERS]
    for name, function, text in (
        ("setup", command_setup, "make .venv with everything that development needs"),
        ("demo", command_demo, "a spoken line becomes out/demo.blend, out/demo.csv and out/demo.mp4"),
        ("test", command_test, "run the tests: core without Blender, add-on with the built zip inside Blender"),
        ("package", command_package, "build and validate dist/diffusion_talker-<version>.zip"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        if name != "package":
            command.add_argument(
                "--blender", choices=releases, help="Blender to use instead of the one that fits this Python"
            )
        if name == "demo":
            command.add_argument(
                "--audio", type=Path, default=SPOKEN_LINE, metavar="FILE", help="a recording of your own"
            )
        if name == "test":
            add_test_options(command)
    return parser.parse_args(arguments)


def add_test_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--suite", choices=("all", "core", "addon"), default="all", help="run one of the two suites")
    command.add_argument("--heavy", action="store_true", help="also run the tests that take minutes")
    command.add_argument("-k", metavar="EXPR", help="only tests whose name matches, as in pytest")


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        print(unsupported_python_message(sys.version_info[:2]), file=sys.stderr)
        return 1
    parsed = parse(arguments)
    try:
        return parsed.function(parsed)
    except BuildError as error:
        print(f"[build] {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("[build] Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
