# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing what executes the student: NumPy everywhere, PyTorch where it is chosen or brings a GPU."""

from __future__ import annotations

import importlib.util
from typing import Final

from diffusion_talker.errors import RuntimeUnavailableError
from diffusion_talker.student.bundle import Bundle
from diffusion_talker.student.network import Network
from diffusion_talker.student.numpy_network import NumpyNetwork

RUNTIMES: Final[tuple[str, ...]] = ("auto", "numpy", "torch")
DEVICES: Final[tuple[str, ...]] = ("auto", "cpu", "cuda", "mps")


def open_network(bundle: Bundle, runtime: str, device: str) -> Network:
    """A network for `bundle` on the asked runtime and device, in this process.

    "auto" takes PyTorch only when it brings a GPU; otherwise NumPy, which needs nothing. PyTorch is
    imported here and nowhere else, so call this off the main thread of an interface.

    Raises:
        RuntimeUnavailableError: the runtime or device does not exist here; the message says what to choose.
    """
    if runtime not in RUNTIMES:
        raise RuntimeUnavailableError(f"There is no runtime '{runtime}': choose one of {', '.join(RUNTIMES)}.")
    if device not in DEVICES:
        raise RuntimeUnavailableError(f"There is no device '{device}': choose one of {', '.join(DEVICES)}.")
    if runtime == "numpy" or (runtime == "auto" and not _wants_torch(device)):
        return _numpy_network(bundle, device)
    return _torch_network(bundle, device)


def _wants_torch(device: str) -> bool:
    """Under runtime "auto": a GPU was asked for by name, or a GPU build of PyTorch finds one."""
    if device in ("cuda", "mps"):
        return True
    return device == "auto" and gpu_build_installed() and find_gpu() is not None


def _numpy_network(bundle: Bundle, device: str) -> Network:
    if device in ("cuda", "mps"):
        raise RuntimeUnavailableError(
            f"The NumPy runtime has no device '{device}': choose device cpu or runtime torch."
        )
    return NumpyNetwork(bundle)


def _torch_network(bundle: Bundle, device: str) -> Network:
    if not torch_installed():
        raise RuntimeUnavailableError(
            "PyTorch is not installed in this Python: choose the NumPy runtime (it needs nothing), or install PyTorch."
        )
    try:
        from diffusion_talker.student.torch_network import TorchNetwork
    except (ImportError, OSError) as error:  # a broken build fails with either
        raise RuntimeUnavailableError(
            f"PyTorch is installed but does not load ({error}): choose the NumPy runtime, or install PyTorch again."
        ) from error
    return TorchNetwork.of_bundle(bundle, _torch_device(device))


def _torch_device(device: str) -> str:
    gpu = find_gpu()
    if device == "auto":
        return gpu or "cpu"
    if device != "cpu" and device != gpu:
        raise RuntimeUnavailableError(
            f"PyTorch finds no {device.upper()} device on this computer: choose device auto or cpu."
        )
    return device


def torch_installed() -> bool:
    """Whether PyTorch could be imported, found out without importing it."""
    return importlib.util.find_spec("torch") is not None


def gpu_build_installed() -> bool:
    """Whether the installed PyTorch may drive a GPU, judged by its version label without importing it."""
    from importlib import metadata  # here: its import takes longer than all of ours

    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        return False
    return not version.endswith("+cpu")


def find_gpu() -> str | None:
    """"cuda", "mps" or None. Imports PyTorch."""
    try:
        import torch
    except (ImportError, OSError):
        return None
    if torch.cuda.is_available():
        return "cuda"
    mps = getattr(torch.backends, "mps", None)
    return "mps" if mps is not None and mps.is_available() else None
