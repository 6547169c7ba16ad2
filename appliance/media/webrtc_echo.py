"""Echo cancellation and noise suppression: Speex's filter, WebRTC's AEC3 and NS, and a gate."""

import os
from collections import deque
from contextlib import suppress
from typing import Final

from typing_extensions import override

from appliance.media import pcm
from appliance.media.echo import AUDIBLE, EchoCanceller

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else numpy starts a thread for each core

import numpy as np
from pywebrtc_audio import AudioProcessor, GainController

from appliance.media.alignment import PAST, Alignment
from appliance.media.bands import (
    WIDE_BLOCK,
    WIDE_RATE,
    WIDE_SILENCE,
    Block,
    Floats,
    Narrower,
    Widener,
    power,
    product,
    rounded,
)
from appliance.media.catch_up import CatchUp
from appliance.media.coupling import Coupling
from appliance.media.double_talk import DoubleTalk
from appliance.media.gate import DUCKED, Gate
from appliance.media.knob import Knob
from appliance.media.over_the_echo import OverTheEcho, Release, Split
from appliance.media.speex import LinearCanceller

# At 16 kHz: what the service understands speech from, and AEC3 hears 3 to 4 more interruptions out
# of 18 there than at 48 kHz. Automatic gain stays off: it lifts what is left of the echo, 62 dB
# less became 28. All measured (tests/bench, echo).
_MODERATE: Final = 1  # of 0 to 3; more of it colours speech
# AEC3 takes its own linear filter for a bad one and closes the microphone while both speak. Most of
# the echo taken out before it opens it: 340 ms instead of 610 to a loud speaker's interruption.
_LINEAR_SHARE: Final = np.float32(0.8)
# While somebody may speak the filter takes out all it can, and AEC3 is shown so much less of the
# speaker's sound that it leaves them in.
_SHOWN: Final = np.float32(0.25)
_LATELY: Final = 10  # blocks of sound from the speaker until its echo must be there
# Blocks without any sound for the speaker until the filter has none left to make an echo of: as far
# as the reference reaches back, and the filter. It takes a fifth of the canceller's time.
_ECHOLESS: Final = 110
_AT_ONCE: Final = 3  # blocks in one, until what is behind has caught up
_FORGET: Final = 0.999  # for each block: the last 10 s count
_JUMPS, _JUMPS_WITHIN = 4, 1000  # of the delay, in so many blocks: clocks 0.1 % apart, or worse
_FAINTEST: Final = 10 ** (-60 / 10)  # mean square; the gate never opens for less


class WebRtcEcho(EchoCanceller):
    """Finds the echo, up to 0.4 s late, follows its clock, and cancels it.

    Until the echo is known, two and a half seconds of sound from the speaker, the microphone is
    closed while it sounds. Who cuts in is heard from their first sound on: what was withheld until
    it was clear that somebody speaks comes first, up to 0.2 s late, and is caught up with. Where
    hardly anything of the speaker is heard (headphones) AEC3 works alone, and leaves a person in.
    """

    def __init__(self) -> None:
        self.name = "webrtc"
        self._narrow_near, self._narrow_far, self._widen = Narrower(), Narrower(), Widener()
        self._alignment = Alignment()
        self._coupling = Coupling()
        self._gate = Gate()
        self._voice = GainController(sample_rate=WIDE_RATE, adaptive_digital=False)
        self._before = self._after = 0.0  # energies while the speaker sounds
        self._no_echo = np.zeros(WIDE_BLOCK, np.float32)
        self._blocks = 0
        self._jumps: deque[int] = deque(maxlen=_JUMPS)
        self._brought_back = 0  # times, of which the filter knows
        self._person = OverTheEcho()
        self._out = CatchUp()
        self._begin()

    def _begin(self) -> None:
        """Forget the room."""
        self._processor = AudioProcessor(
            sample_rate=WIDE_RATE,
            echo_cancellation=True,
            noise_suppression=True,
            ns_level=_MODERATE,
        )
        self._linear: LinearCanceller | None = None
        with suppress(OSError):  # AEC3 does without it
            self._linear = LinearCanceller()
        self._talk, self._knob = DoubleTalk(), Knob()
        self._sounded = self._silent = 0
        self._behind: deque[Block] = deque(maxlen=PAST)  # microphone that the filter has not had
        self._gate.begin_anew()

    @override
    def process(self, near: bytes, far: bytes) -> bytes:
        self._blocks += 1
        self._silent = self._silent + 1 if far == pcm.SILENCE else 0
        mic = self._narrow_near.convert(near)
        reference = self._alignment.reference(self._narrow_far.convert(far))
        heard, played = power(mic), power(reference)
        sounding = played > AUDIBLE
        self._coupling.take(heard, played)
        new = self._alignment.delay is None
        if self._alignment.watch(reference, mic, sounding=sounding):
            self._begin_anew()
            self._coupling.found()
        elif new and self._alignment.delay is not None:
            self._coupling.found()
        near_end, far_end, split = self._filtered(mic, reference, sounding)
        clean = self._processor.process(near_end, far_end)
        left = power(clean)
        speech = 0.0
        if left >= _FAINTEST:
            self._voice.process(clean)
            speech = float(self._voice.speech_probability)
        if sounding and self._gate.settled and self._gate.gain == 1.0:  # nobody else speaks
            self._before = self._before * _FORGET + heard
            self._after = self._after * _FORGET + left
        person = None if self._filter is None else self._talk.person
        if split and self._talk.certain:
            left = power(split.left)  # AEC3 has taken the person out
        passes = self._gate.passes(
            heard=heard, sounding=sounding, power=left, speech=speech, person=person
        )
        if split is not None and self._gate.echoing:
            out = self._person.heard(clean, split, self._talk, passes=passes)
        else:
            self._person.gone()
            out = Release([clean if passes else WIDE_SILENCE])
        self._out.replace(out.instead)
        for block in out.blocks:
            self._out.put(self._widen.convert(block))
        return self._out.pull()

    def _filtered(
        self, mic: Block, reference: Block, sounding: bool
    ) -> tuple[Block, Block, Split | None]:
        """Return what AEC3 is to have: the microphone, most of its echo taken out, and the far.

        And the microphone in two, unless nothing can be heard over the echo now.
        """
        linear = self._filter
        if linear is None:
            return mic, reference, None
        if self._alignment.seeking or self._behind:
            self._catch_up(linear, mic)
            return mic, reference, None
        heard = mic.astype(np.float32)
        left, echo = mic, self._no_echo
        if self._silent < _ECHOLESS:
            left, echo = self._cancelled(linear, mic, reference)
        powers = power(heard), product(heard, echo), power(echo)
        self._talk.take(*powers)
        self._knob.take(*powers)
        self._sounded = min(_LATELY, self._sounded + 1) if sounding else max(0, self._sounded - 2)
        mistaken = self._sounded == _LATELY and self._mistaken()
        split = None if mistaken else Split(left, echo)
        if self._talk.suspected:
            return left, rounded(reference * _SHOWN), split
        return rounded(heard - echo * _LINEAR_SHARE), reference, split

    def _cancelled(
        self, linear: LinearCanceller, mic: Block, reference: Block
    ) -> tuple[Block, Floats]:
        """Return what is left of the microphone, and the echo that was in it.

        The filter does not notice that somebody turns the speaker's own volume.
        """
        if self._knob.gain == 1.0:  # nobody ever did: the same without rounding
            left = linear.process(mic, reference)
            return left, mic.astype(np.float32) - left
        louder, fainter = max(1.0, self._knob.gain), min(1.0, self._knob.gain)
        near = rounded(mic * np.float32(1 / louder))
        left = linear.process(near, rounded(reference * np.float32(fainter)))
        echo = (near.astype(np.float32) - left) * np.float32(louder)
        return rounded(mic - echo), echo

    @property
    def _filter(self) -> LinearCanceller | None:
        """The linear filter, while it is at work."""
        return None if self._coupling.none else self._linear

    def _mistaken(self) -> bool:
        """Return whether what seemed to be a person was the echo: nothing more of it is heard.

        Notices that the card has lost sound, or took more into stock: the echo has jumped.
        """
        person = self._gate.gain <= DUCKED  # and still there, the speaker being down
        harmful = self._talk.harmful and self._gate.settled
        if not harmful and not self._talk.astray(person=person):
            return False
        if not self._alignment.seek():
            if harmful:
                self._alignment.forget()
                self._begin_anew()
            return False
        if person:
            return False
        self._gate.close()
        self._out.clear()
        return True

    def _catch_up(self, linear: LinearCanceller, mic: Block) -> None:
        """Keep the filter as it is until the echo is back where it was; then give it the rest."""
        self._talk.miss()
        self._gate.close()
        self._behind.append(mic)
        if not self._alignment.seeking:
            if self._alignment.jumps != self._brought_back:
                self._brought_back = self._alignment.jumps
                self._jumps.append(self._blocks)
                self._talk.learn_anew()
            for _ in range(min(_AT_ONCE, len(self._behind))):
                past = self._alignment.past(len(self._behind) - 1)
                self._cancelled(linear, self._behind.popleft(), past)

    def _begin_anew(self) -> None:
        """The echo is not where it was."""
        self._begin()
        self._jumps.append(self._blocks)

    @property
    @override
    def steady(self) -> bool:
        jumps = self._jumps
        return len(jumps) < _JUMPS or self._blocks - jumps[0] > _JUMPS_WITHIN

    @property
    @override
    def gain(self) -> float:
        return self._gate.gain

    @property
    @override
    def loss_enhancement(self) -> float | None:
        if not self._before:
            return None
        return round(pcm.dbfs(self._before) - pcm.dbfs(self._after), 1)

    @property
    @override
    def delay(self) -> float | None:
        return self._alignment.delay

    @property
    @override
    def drift(self) -> float:
        return self._alignment.drift

    @property
    @override
    def double_talk(self) -> float:
        return self._gate.both / max(1, self._gate.far)
