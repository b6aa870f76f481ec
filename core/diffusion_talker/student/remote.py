# SPDX-License-Identifier: GPL-3.0-or-later
"""The student in a worker process: a Python of the user's own that has PyTorch serves one that has not."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

import diffusion_talker
from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.network import EncodedAudio, StyleQuery, StyleRequest
from diffusion_talker.student.wire import Message, WireClosedError, read_message, write_message

#: The package's folder goes last on the worker's path: its own NumPy and PyTorch must win over what lies beside ours.
_START = "import sys; sys.path.append(sys.argv[1]); from diffusion_talker.student.worker import main; main()"
_START_TIMEOUT_S = 120.0  # PyTorch's first import from a cold disk takes its time
_STOP_TIMEOUT_S = 5.0


class Handle:
    """Something that lives in the worker for as long as this object does."""

    def __init__(self, number: int, unused: list[int]) -> None:
        """unused: where the number goes when nobody holds the handle any more."""
        self.number = number
        self._unused = unused

    def __del__(self) -> None:
        self._unused.append(self.number)


class RemoteNetwork:
    """A `Network` whose PyTorch half runs in `python`. Close it, or let the garbage collector end the process."""

    def __init__(self, config: StudentConfig, bundle_path: Path, python: Path, device: str = "auto") -> None:
        self.config = config
        self._unused: list[int] = []  # handles that nobody holds any more; the worker hears of them with a request
        self._log = tempfile.TemporaryFile()
        self._process = self._start(python)
        answer = self._opened(Message({"verb": "open", "bundle": str(bundle_path.absolute()), "device": device}))
        self.name = f"{answer.values['name']} in {python}"

    def _start(self, python: Path) -> subprocess.Popen[bytes]:
        package_root = Path(diffusion_talker.__file__).parent.parent
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        try:
            return subprocess.Popen(
                [str(python), "-s", "-u", "-c", _START, str(package_root)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._log.close()
            raise RuntimeUnavailableError(
                f"{python} does not start ({error.strerror}): choose a Python executable that has PyTorch installed."
            ) from error

    def _opened(self, request: Message) -> Message:
        """The first answer, or the reason why there is none; a Python that hangs is ended."""
        timer = threading.Timer(_START_TIMEOUT_S, self._process.kill)
        timer.start()
        try:
            return self._ask(request)
        except RuntimeUnavailableError:
            self.close()
            raise
        finally:
            timer.cancel()

    def _ask(self, request: Message) -> Message:
        assert self._process.stdin is not None and self._process.stdout is not None
        unused = [self._unused.pop() for _ in range(len(self._unused))]
        values = request.values | {"unused": " ".join(map(str, unused))}
        try:
            write_message(self._process.stdin, Message(values, request.arrays))
            answer = read_message(self._process.stdout)
        except (OSError, WireClosedError, ValueError) as error:
            raise RuntimeUnavailableError(
                f"The worker process ended ({self._last_words()}): check that its Python has PyTorch and NumPy, "
                "or choose the NumPy runtime."
            ) from error
        if "error" in answer.values:
            raise RuntimeUnavailableError(str(answer.values["error"]))
        return answer

    def _last_words(self) -> str:
        """Last line the worker printed, which is the name of its error."""
        if self._log.closed:
            return "it was closed"
        self._process.poll()
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"

    def close(self) -> None:
        """End the process. May be called twice."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except OSError:
                    continue  # the pipe broke with the process: nothing is left to close
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def __del__(self) -> None:
        if hasattr(self, "_process") and not self._log.closed:
            self.close()

    # -- Network -------------------------------------------------------------------------------------------------

    def encode(self, log_mel: np.ndarray) -> EncodedAudio:
        """See `network.Network.encode`; features are handles into the worker."""
        values = self._ask(Message({"verb": "encode"}, {"log_mel": log_mel})).values
        return EncodedAudio(self._handle(values["features"]), self._handle(values["speaker"]))

    def query(self, speaker: Any) -> StyleQuery:
        """See `network.Network.query`."""
        arrays = self._ask(Message({"verb": "query", "speaker": speaker.number})).arrays
        return StyleQuery(arrays["identities"], arrays["emotions"], arrays["voice"])

    def library_weights(self, kind: str, similarity: np.ndarray) -> np.ndarray:
        """See `network.Network.library_weights`."""
        request = Message({"verb": "library_weights", "kind": kind}, {"similarity": similarity})
        return self._ask(request).arrays["result"]

    def style(self, request: StyleRequest) -> Any:
        """See `network.Network.style`."""
        arrays = {"identity": request.identity_weights, "emotion": request.emotion_weights}
        arrays |= {"intensity": np.atleast_1d(request.intensity), "strength": np.atleast_1d(request.strength)}
        if request.offset is not None:
            arrays["offset"] = request.offset
        return self._handle(self._ask(Message({"verb": "style"}, arrays)).values["handle"])

    def prepare(self, audio: EncodedAudio) -> Any:
        """See `network.Network.prepare`."""
        values = {"verb": "prepare", "features": audio.features.number, "speaker": audio.speaker.number}
        return self._handle(self._ask(Message(values)).values["handle"])

    def denoise(self, noisy: np.ndarray, time: float, prepared: Any, style: Any) -> np.ndarray:
        """See `network.Network.denoise`."""
        values: dict[str, str | int | float] = {"verb": "denoise", "time": time}
        values |= {"prepared": prepared.number, "style": style.number}
        return self._ask(Message(values, {"noisy": noisy})).arrays["result"]

    def to_weights(self, normalized: np.ndarray) -> np.ndarray:
        """See `network.Network.to_weights`."""
        return self._ask(Message({"verb": "to_weights"}, {"normalized": normalized})).arrays["result"]

    def _handle(self, number: str | int | float) -> Handle:
        return Handle(int(number), self._unused)
