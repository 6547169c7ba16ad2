import sys

import pytest

from appliance.media import bands, pcm
from appliance.media.loudness import quickest


def test_numpy_changes_the_loudness_where_it_is_loaded_anyway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert quickest() is bands
    monkeypatch.delitem(sys.modules, "appliance.media.bands")
    assert quickest() is pcm
