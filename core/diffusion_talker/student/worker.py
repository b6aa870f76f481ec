# SPDX-License-Identifier: GPL-3.0-or-later
"""The student inside another Python: answers requests on standard input until it closes.

Started by `remote.RemoteNetwork` in a Python that has PyTorch; features stay on that side as numbered handles.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from diffusion_talker.errors import DiffusionTalkerError
from diffusion_talker.student.bundle import load_bundle
from diffusion_talker.student.network import EncodedAudio, Network, StyleRequest
from diffusion_talker.student.runtime import open_network
from diffusion_talker.student.wire import Message, WireClosedError, read_message, write_message


class Worker:
    """One network and the features it has computed lately."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._kept: dict[int, Any] = {}
        self._next_handle = 0

    def answer(self, request: Message) -> Message:
        """Forget what the other side holds no more, then do what the request's "verb" asks."""
        for number in str(request.values.get("unused", "")).split():
            self._kept.pop(int(number), None)
        verb = request.values["verb"]
        if verb == "open":
            return self._open(request)
        if self._network is None:
            raise RuntimeError("the first request must open a bundle")
        return getattr(self, f"_{verb}")(self._network, request)

    def _open(self, request: Message) -> Message:
        values = request.values
        self._network = open_network(load_bundle(Path(str(values["bundle"]))), "torch", str(values["device"]))
        return Message({"name": self._network.name})

    def _keep(self, value: Any) -> int:
        self._next_handle += 1
        self._kept[self._next_handle] = value
        return self._next_handle

    def _encode(self, network: Network, request: Message) -> Message:
        audio = network.encode(request.arrays["log_mel"])
        return Message({"features": self._keep(audio.features), "speaker": self._keep(audio.speaker)})

    def _audio(self, request: Message) -> EncodedAudio:
        return EncodedAudio(self._kept[int(request.values["features"])], self._kept[int(request.values["speaker"])])

    def _query(self, network: Network, request: Message) -> Message:
        query = network.query(self._kept[int(request.values["speaker"])])
        arrays = {"identities": query.identities, "emotions": query.emotions, "voice": query.voice}
        return Message(arrays=arrays)

    def _library_weights(self, network: Network, request: Message) -> Message:
        kind = str(request.values["kind"])
        return Message(arrays={"result": network.library_weights(kind, request.arrays["similarity"])})

    def _style(self, network: Network, request: Message) -> Message:
        arrays = request.arrays
        style = StyleRequest(
            arrays["identity"], arrays["emotion"], arrays["intensity"], arrays["strength"], arrays.get("offset")
        )
        return Message({"handle": self._keep(network.style(style))})

    def _prepare(self, network: Network, request: Message) -> Message:
        return Message({"handle": self._keep(network.prepare(self._audio(request)))})

    def _denoise(self, network: Network, request: Message) -> Message:
        prepared, style = (self._kept[int(request.values[name])] for name in ("prepared", "style"))
        result = network.denoise(request.arrays["noisy"], float(request.values["time"]), prepared, style)
        return Message(arrays={"result": result})

    def _to_weights(self, network: Network, request: Message) -> Message:
        return Message(arrays={"result": network.to_weights(request.arrays["normalized"])})


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end; a user-facing error travels as text, the worker lives on."""
    worker = Worker()
    while True:
        try:
            request = read_message(requests)
        except WireClosedError:
            return
        try:
            answer = worker.answer(request)
        except DiffusionTalkerError as error:
            answer = Message({"error": str(error)})
        write_message(answers, answer)


def main() -> None:
    """Serve on standard input and output; whatever else prints goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
