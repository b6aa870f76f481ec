# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line. One module per verb with `add_arguments(parser)` and `run(args) -> exit code`, loaded when called.

Exit codes: 0 done, 1 ran and failed, 2 bad arguments. What a user can cause or mend ends in one sentence, never in a
traceback.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

from diffusion_talker import __version__
from diffusion_talker.errors import CancelledError, DiffusionTalkerError, LibraryError, SettingsError

PROGRAM: Final = "python -m diffusion_talker"
DONE, FAILED, BAD_ARGUMENTS = 0, 1, 2


@dataclass(frozen=True)
class Verb:
    """One sub-command: its name, the module that holds it, one line of help, the extra its packages come with."""

    name: str
    module: str
    help: str
    extra: str = ""


VERBS: Final[tuple[Verb, ...]] = (
    Verb("generate", "diffusion_talker.cli.generate", "turn recorded speech into facial animation"),
    Verb("identities", "diffusion_talker.cli.identities", "list the talkers and emotions to choose from"),
    Verb("match", "diffusion_talker.cli.match", "tell which talkers and emotions a recording is closest to"),
    Verb("enrol", "diffusion_talker.cli.enrol", "add an identity of your own, from recordings of a voice"),
    Verb("remove", "diffusion_talker.cli.remove", "remove an identity of your own"),
    Verb("convert", "diffusion_talker.cli.convert", "convert motion between file formats and frame rates"),
    Verb("show", "diffusion_talker.cli.show", "show curves on the demo head, as video with sound and as a plot"),
    Verb("rig", "diffusion_talker.cli.rig", "make shape keys for a head: measure and draw them", "show"),
    Verb("retarget", "diffusion_talker.cli.retarget", "bring ARKit motion onto a face with other shape keys"),
    Verb("benchmark", "diffusion_talker.cli.benchmark", "measure size, speed and memory on this machine"),
    Verb("evaluate", "diffusion_talker.cli.evaluate", "measure models, write the page of results", "audio"),
    Verb("corpus", "diffusion_talker.cli.corpus", "make the synthetic training corpus", "train"),
    Verb("train", "diffusion_talker.training.train_command", "train a stage, or everything up to a student", "train"),
    Verb("distill", "diffusion_talker.training.distill_command", "make a teacher a student, round by round", "train"),
    Verb("finetune", "diffusion_talker.training.finetune_command", "bring a student's lips to the truth", "train"),
    Verb("export", "diffusion_talker.training.export_command", "write a trained student as a bundle", "train"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    try:
        return _dispatch(arguments)
    except SystemExit as stop:  # argparse: 0 after help, 2 after a bad argument
        return stop.code if isinstance(stop.code, int) else FAILED
    except (SettingsError, LibraryError) as error:
        return _fail(str(error), BAD_ARGUMENTS)
    except (KeyboardInterrupt, CancelledError):
        return _fail("Cancelled. No unfinished file was left behind.", FAILED)
    except DiffusionTalkerError as error:
        return _fail(str(error), FAILED)
    except BrokenPipeError:
        # The reader of our output went away; what Python would print about it at exit is of no use to anyone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except MemoryError:
        return _fail("There is not enough memory for this. Close other programs, or use a shorter recording.", FAILED)


def _dispatch(arguments: list[str]) -> int:
    chosen = _overview().parse_args(arguments[:1]).verb
    verb = next(verb for verb in VERBS if verb.name == chosen)
    module = _load(verb)
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} {verb.name}", description=module.__doc__)
    module.add_arguments(parser)
    return module.run(_parse(parser, arguments[1:]))


def _parse(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """Options may stand anywhere between files; argparse offers that for parsers without sub-commands only."""
    return parser.parse_args(arguments) if parser._subparsers else parser.parse_intermixed_args(arguments)


def _overview() -> argparse.ArgumentParser:
    """Parser of the first word alone, so that help and errors need no command's module."""
    width = max(len(verb.name) for verb in VERBS)
    listing = "\n".join(f"  {verb.name:<{width}}  {verb.help}" for verb in VERBS)
    parser = argparse.ArgumentParser(
        prog=PROGRAM, usage=f"{PROGRAM} COMMAND ...", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Speech-driven facial animation.",
        epilog=f"commands:\n{listing}\n\n'{PROGRAM} COMMAND --help' tells more.",
    )
    parser.add_argument("--version", action="version", version=f"diffusion-talker {__version__}")
    names = [verb.name for verb in VERBS]
    parser.add_argument("verb", metavar="COMMAND", choices=names, help="one of the commands below")
    return parser


def _load(verb: Verb) -> ModuleType:
    try:
        return importlib.import_module(verb.module)
    except ModuleNotFoundError as error:
        raise _missing_package(verb, error) from error


def _missing_package(verb: Verb, error: ModuleNotFoundError) -> DiffusionTalkerError:
    missing = (error.name or "").split(".")[0]
    if missing == "diffusion_talker" or not verb.extra:
        return DiffusionTalkerError(f"'{verb.name}' is not part of this installation ({error.name} is missing). "
                                    "Install the full diffusion-talker package.")
    return DiffusionTalkerError(f"'{verb.name}' needs the package '{missing}', which is not installed. "
                                f"Install it with: pip install 'diffusion-talker[{verb.extra}]'")


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
