"""Tells speech from every other sound: the Silero VAD network, version 6, in plain NumPy."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating]
Weights: TypeAlias = Mapping[str, Floats]

RATE = 16_000  # Hz; the model exists for 8 and 16 kHz
FRAME = 512  # samples the model judges at a time, 32 ms (silero-vad 6 source, utils_vad.py)
FRAME_MS = 32
CONTEXT = 64  # samples of the frame before that the model wants in front (same source)
_HOP, _WINDOW, _BINS = 128, 256, 129  # its short-time Fourier transform


def load_weights(path: Path | None = None) -> Weights:
    """The network's weights by the model's own names; without a path those of the package."""
    source = path or files("appliance.emulator") / "data" / "silero_vad_v6.npz"
    with source.open("rb") as stream, np.load(stream) as archive:
        return {name: archive[name] for name in archive.files}


class VoiceActivity:
    """Streaming probability of speech; about 0.1 ms of CPU for each 32 ms frame.

    Pure: the same sound gives the same numbers. Not for two threads at once.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        """`weights` may be shared between streams."""
        self._net = _Network(load_weights() if weights is None else weights)
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._pending = b""
        self._context = np.zeros(CONTEXT, np.float32)
        self._hidden = np.zeros(128, np.float32)
        self._cell = np.zeros(128, np.float32)

    def feed(self, pcm: bytes) -> list[float]:
        """Probability of speech, 0 to 1, of each 32 ms frame that became complete.

        Args:
            pcm: any whole number of samples, mono, s16le, 16 kHz; the rest is kept.
        """
        self._pending += pcm
        size = FRAME * 2
        whole = len(self._pending) // size * size
        sound = np.frombuffer(self._pending[:whole], "<i2").astype(np.float32) / 32768
        self._pending = self._pending[whole:]
        return [self._judge(sound[i : i + FRAME]) for i in range(0, len(sound), FRAME)]

    def _judge(self, frame: Floats) -> float:
        chance, self._hidden, self._cell = self._net.forward(
            np.concatenate((self._context, frame)), self._hidden, self._cell
        )
        self._context = frame[-CONTEXT:]
        return chance


class _Network:
    """One forward pass; convolutions are matrix products without the taps that meet padding."""

    def __init__(self, weights: Weights) -> None:
        w = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        kernel = [w[f"encoder.{i}.reparam_conv.weight"] for i in range(4)]
        self._bias = [w[f"encoder.{i}.reparam_conv.bias"] for i in range(4)]
        self._fourier = np.ascontiguousarray(w["stft.forward_basis_buffer"][:, 0].T)
        self._conv0 = _flat(kernel[0])
        self._conv1 = _flat(kernel[1])
        self._conv2 = _flat(kernel[2][:, :, 1:])  # two positions in, stride 2: tap 0 meets padding
        self._conv3 = _flat(kernel[3][:, :, 1:2])  # one position in: only the middle tap
        self._lstm = np.concatenate(
            (w["decoder.rnn.weight_ih"], w["decoder.rnn.weight_hh"]), axis=1
        )
        self._lstm_bias = w["decoder.rnn.bias_ih"] + w["decoder.rnn.bias_hh"]
        self._out = w["decoder.decoder.2.weight"][0, :, 0]
        self._out_bias = float(w["decoder.decoder.2.bias"][0])

    def forward(self, x: Floats, hidden: Floats, cell: Floats) -> tuple[float, Floats, Floats]:
        """`x`: context and frame. Returns the probability and the next state."""
        padded = np.pad(x, (0, 64), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
        spectrum = windows @ self._fourier
        power = np.zeros((6, _BINS), np.float32)  # four positions between two of padding
        power[1:5] = np.hypot(spectrum[:, :_BINS], spectrum[:, _BINS:])
        first = np.zeros((5, 128), np.float32)  # the right padding is never met
        taps = np.concatenate((power[0:4], power[1:5], power[2:6]), axis=1)
        first[1:] = np.maximum(taps @ self._conv0 + self._bias[0], 0)
        taps = np.concatenate((first[0:3:2], first[1:4:2], first[2:5:2]), axis=1)
        second = np.maximum(taps @ self._conv1 + self._bias[1], 0)
        third = np.maximum(second.reshape(-1) @ self._conv2 + self._bias[2], 0)
        last = np.maximum(third @ self._conv3 + self._bias[3], 0)
        gates = self._lstm @ np.concatenate((last, hidden)) + self._lstm_bias
        keep = _sigmoid(gates[:256]).reshape(2, 128)
        cell = keep[1] * cell + keep[0] * np.tanh(gates[256:384])
        hidden = _sigmoid(gates[384:]) * np.tanh(cell)
        score = float(self._out @ np.maximum(hidden, 0)) + self._out_bias
        return float(1 / (1 + np.exp(-score))), hidden, cell


def _flat(kernel: Floats) -> Floats:
    """(out, in, taps) as a (taps * in, out) matrix, taps outermost."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, kernel.shape[0]))


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-x)))
