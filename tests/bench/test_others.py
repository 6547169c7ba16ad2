"""What a rival sends is what was said, and what it told becomes rows."""

from pathlib import Path

import numpy as np

from appliance.media.pcm import wav_header
from tests.bench.others import rows_of
from tests.bench.session import said
from tests.bench.sound import OURS


def test_microphone_speaks_at_half_the_rate(tmp_path: Path) -> None:
    sound = np.repeat(np.arange(500, dtype="<i2"), 2).tobytes()
    path = tmp_path / "speech.wav"
    path.write_bytes(wav_header(len(sound)) + sound)
    assert np.frombuffer(said(path), "<i2").tolist() == list(range(500))


def test_every_client_is_in_every_row_and_time_is_in_ms() -> None:
    told = {"minute": 5.0, "resident": 80.0, "peak": 90.0, "connect": 0.05}
    rows = {row.id: row for row in rows_of({OURS: told, "pipecat_ai": told | {"minute": 1.0}})}
    assert {row.ours for row in rows.values()} == {5.0, 80.0, 90.0, 50.0}
    assert rows["rivals.cpu"].against == {"pipecat_ai": 1.0}
