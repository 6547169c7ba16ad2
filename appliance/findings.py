"""What the self-test found, in numbers and in words. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.config import HIGHEST_GAIN

_SILENCE = -90.0  # dBFS: not one sample but 0
_LOUD_ECHO = 0.0  # dB of return loss: less, and the echo is louder than a voice can be
_FAINT_ECHO = 40.0  # dB of return loss: more, and speech of -20 dBFS arrives below a quiet room
_LONG_DELAY = 0.4  # s; the canceller looks for half a second (media/alignment)
_NOISY = -45.0  # dBFS
_CLIPPED = 0.0005  # share of samples; a click or two is none
_GAIN_TOO_FAR = 6  # dB that the microphone may be off before it is worth a word
_FAINT_VOICE = -40.0  # dBFS of an amplified voice: 14 dB below the usual level (media/probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the self-test found; a value that could not be measured is None.

    Levels in dBFS, delays in seconds, losses and gains in dB, shares 0 to 1. `delay` is the way
    of a sample through the speaker, the room and the microphone. `gain_db`: what the microphone
    should be amplified by, `gain_now_db`: what it is. `xruns`: sound lost at the card meanwhile.
    `problems`: sentences, the worst first; none: all is well.
    """

    noise_dbfs: float
    delay: float | None = None
    echo_dbfs: float | None = None
    return_loss_db: float | None = None
    clipped: float = 0.0
    voice_dbfs: float | None = None
    gain_db: int | None = None
    xruns: int = 0
    volume: int = 100
    gain_now_db: int = 0
    problems: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """All of it in words."""
        return " ".join(self.problems) or "Microphone and speaker are right."


def problems(report: Report) -> Iterator[str]:
    """Yield what is wrong, in sentences for a person."""
    if report.noise_dbfs == _SILENCE and report.delay is None and report.voice_dbfs is None:
        yield "The microphone delivers digital silence: it is muted, or not the right one."
        return
    if report.return_loss_db is None:
        yield (
            f"The microphone does not hear the speaker, at a volume of {report.volume} %: "
            "look whether both are plugged in, the right ones (voice-appliance devices), and "
            "turned up (alsamixer). With headphones all is well."
        )
    elif report.return_loss_db > _FAINT_ECHO:
        yield (
            f"The microphone hardly hears the speaker, {report.return_loss_db:.0f} dB weaker than "
            "it was played: raise the card's own levels (alsamixer). With headphones all is well."
        )
    elif report.return_loss_db < _LOUD_ECHO:
        yield "The speaker is louder at the microphone than a voice: put them further apart."
    if report.delay is not None and report.delay > _LONG_DELAY:
        yield "The sound comes back too late for the echo canceller: take a speaker with a wire."
    if report.clipped > _CLIPPED:
        yield "The microphone is overloaded: lower its level (alsamixer), or the volume."
    if report.noise_dbfs > _NOISY:
        yield "The room, or the microphone, is noisy."
    if report.xruns:
        yield f"Sound was lost at the card, {report.xruns} times: set audio.block_ms higher."
    yield from _of_the_voice(report)


def _of_the_voice(report: Report) -> Iterator[str]:
    voice, gain = report.voice_dbfs, report.gain_db
    if voice is None or gain is None:
        yield (
            "No voice was heard: say a sentence or two when it is your turn. If you did, the "
            "microphone is muted, too low (alsamixer), or not the right one "
            "(voice-appliance devices)."
        )
    elif voice + gain < _FAINT_VOICE:
        yield (
            f"A voice arrives at {voice:.0f} dBFS, which is too faint even with the highest "
            f"audio.input_gain that is right here, {gain} dB: {_cure_of_faintness(gain)}."
        )
    elif abs(gain - report.gain_now_db) > _GAIN_TOO_FAR:
        yield (
            f"A voice arrives at {voice:.0f} dBFS: an audio.input_gain of "
            f"{gain} dB is right (selftest --save), and not {report.gain_now_db}."
        )


def _cure_of_faintness(gain_db: int) -> str:
    if gain_db == HIGHEST_GAIN:
        return "raise the microphone's own level (alsamixer), or speak from closer to it"
    # Echo or noise allows no more gain, and a higher level would raise them as much as the voice.
    return "speak from closer to the microphone, or move the speaker away from it"
