"""A call keeps the cards that it began with."""

from functools import partial
from pathlib import Path

import pytest

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware import first_cards
from appliance.hardware.alsa import half_plugged, read_cards
from appliance.hardware.cards import Card
from appliance.hardware.first_cards import STAND_IN, TRY_AGAIN, FirstCards
from appliance.hardware.portaudio import with_busy
from tests.hardware.cards_tree import JACK, WEBCAM, Plugged, build, dongle
from tests.hardware.test_cards import machine

TWIN = dongle("Device_1", "1-1.4")


class Call:
    """The cards of one call, on a clock and a machine of its own."""

    def __init__(self, root: Path, *plugged: Plugged, wanted: str = "") -> None:
        self.now = 100.0
        self.first = FirstCards(lambda: self.now)
        self._root = root
        self._config = AudioConfig(input=wanted, output=wanted)
        self.plug(*plugged)

    def plug(self, *plugged: Plugged) -> None:
        """Have these plugged in, and no others."""
        self.cards = machine(self._root, *plugged)

    def takes(self) -> tuple[str, str]:
        """Return the ids of microphone and speaker."""
        microphone, speaker = self.first.choose(self.cards, self._config)
        assert microphone.card.alsa is not None
        assert speaker.card.alsa is not None
        return microphone.card.alsa.id, speaker.card.alsa.id

    def misses(self, words: str = r"\(hw:Device,0\) is gone") -> None:
        with pytest.raises(DeviceError, match=words):
            self.takes()

    def lose(self) -> None:
        """Let the dongle that it began with stay away, until others stand in."""
        self.takes()
        self.plug(WEBCAM, JACK)
        self.misses()
        self.now += STAND_IN
        assert self.takes() == ("Webcam", "Headphones")


def test_call_keeps_its_cards_when_a_better_one_comes(tmp_path: Path) -> None:
    call = Call(tmp_path, WEBCAM, JACK)
    assert call.takes() == ("Webcam", "Headphones")
    call.plug(WEBCAM, JACK, dongle())
    assert call.takes() == ("Webcam", "Headphones")
    next_call = Call(tmp_path, WEBCAM, JACK, dongle())
    assert next_call.takes() == ("Device", "Device")


def test_card_that_is_back_is_taken_again_whatever_its_number_is_now(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    assert call.takes() == ("Device", "Device")
    call.plug(WEBCAM, JACK)
    call.misses()
    call.plug(WEBCAM, JACK, dongle(port="1-1.4"))
    assert call.takes() == ("Device", "Device")
    assert call.first.news() == []


def test_others_stand_in_for_a_card_that_stays_away_and_it_is_said_once(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.takes()
    call.plug(WEBCAM, JACK)
    call.misses()
    call.now += STAND_IN - 0.1
    call.misses()
    call.now += 0.2
    assert call.takes() == ("Webcam", "Headphones"), "both at once"
    gone = "USB PnP Sound Device: Audio (hw:Device,0) stays away: "
    assert call.first.news() == [
        f"{gone}the microphone is Dynex 1.3MP Webcam: Audio (hw:Webcam,0).",
        f"{gone}the speaker is bcm2835 Headphones: Audio (hw:Headphones,0).",
    ]
    assert call.first.news() == []


def test_one_of_two_cards_is_replaced_and_the_other_stays(tmp_path: Path) -> None:
    call = Call(tmp_path, WEBCAM, JACK)
    call.takes()
    call.plug(JACK, dongle())
    call.misses(r"\(hw:Webcam,0\) is gone")
    call.now += STAND_IN
    assert call.takes() == ("Device", "Headphones")


def test_card_that_goes_a_second_time_is_waited_for_as_long(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.takes()
    for _ in range(2):
        call.plug(WEBCAM, JACK)
        call.misses()
        call.now += STAND_IN - 1
        call.misses()
        call.plug(dongle(), WEBCAM, JACK)
        assert call.takes() == ("Device", "Device")


@pytest.mark.parametrize("wanted", ["Device", "PnP"])
def test_nothing_stands_in_for_a_card_that_was_named(tmp_path: Path, wanted: str) -> None:
    """Not even a card whose name contains the same words."""
    call = Call(tmp_path, dongle(), TWIN, WEBCAM, JACK, wanted=wanted)
    assert call.takes() == ("Device", "Device")
    call.plug(TWIN, WEBCAM, JACK)
    call.misses()
    call.now += 10 * STAND_IN
    call.misses()
    call.plug(TWIN, dongle(), WEBCAM, JACK)
    assert call.takes() == ("Device", "Device")


def test_where_nothing_can_stand_in_that_is_said(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle())
    call.takes()
    call.plug(WEBCAM)
    call.misses()
    call.now += STAND_IN
    call.misses("There is no speaker")
    call.plug(WEBCAM, JACK)
    call.takes()
    assert len(call.first.news()) == 2, "each once, although the microphone was chosen twice"


def test_return_of_a_card_is_noticed_while_another_stands_in(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.takes()
    assert not call.first.back(tmp_path), "nothing stands in"
    call.lose()
    assert not call.first.back(tmp_path)
    call.plug(WEBCAM, JACK, dongle())
    assert call.first.back(tmp_path)
    assert call.takes() == ("Device", "Device")
    assert not call.first.back(tmp_path), "it is in use again"


def test_card_is_not_back_before_udev_has_given_it_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.lose()
    call.plug(WEBCAM, JACK, dongle())
    (tmp_path / "dev/snd").mkdir(parents=True)
    (tmp_path / "dev/snd/controlC2").touch()
    monkeypatch.setattr(
        first_cards, "half_plugged", partial(half_plugged, allowed=lambda _node: False)
    )
    assert not call.first.back(tmp_path)
    monkeypatch.setattr(first_cards, "half_plugged", half_plugged)
    assert call.first.back(tmp_path)


def test_card_that_is_there_and_in_use_is_seldom_tried_again(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.takes()
    kernel = read_cards(build(tmp_path, [dongle(), WEBCAM, JACK]))
    call.cards = with_busy(call.cards[1:], kernel)  # PortAudio leaves it out
    call.misses("is in use")
    call.now += STAND_IN
    for _ in range(2):
        assert call.takes() == ("Webcam", "Headphones")
        call.now += TRY_AGAIN - 1
        assert not call.first.back(tmp_path)
        call.now += 1
        assert call.first.back(tmp_path)
    call.plug(dongle(), WEBCAM, JACK)
    assert call.takes() == ("Device", "Device")


def test_others_go_on_for_a_card_that_is_back_and_still_in_use(tmp_path: Path) -> None:
    """As by whoever looks at each new card."""
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.lose()
    call.plug(dongle(), WEBCAM, JACK)
    assert call.first.back(tmp_path)
    whole, call.cards = call.cards, with_busy(call.cards[1:], read_cards(tmp_path))
    assert call.takes() == ("Webcam", "Headphones")
    assert not call.first.back(tmp_path)
    call.cards = whole
    call.now += TRY_AGAIN
    assert call.first.back(tmp_path)
    assert call.takes() == ("Device", "Device")


def test_card_that_does_not_open_is_tried_until_others_stand_in(tmp_path: Path) -> None:
    call = Call(tmp_path, dongle(), WEBCAM, JACK)
    call.takes()
    assert not call.first.failed(), "a call does not begin with others"
    assert call.takes() == ("Device", "Device")
    assert not call.first.failed()
    call.now += STAND_IN
    assert call.takes() == ("Device", "Device")
    assert call.first.failed()
    assert call.takes() == ("Webcam", "Headphones")
    assert not call.first.failed(), "there is nobody else"
    assert not call.first.back(tmp_path)
    call.now += TRY_AGAIN
    assert call.first.back(tmp_path)
    assert call.takes() == ("Device", "Device")


@pytest.mark.parametrize("wanted", ["", "Device"])
def test_card_that_does_not_open_is_tried_on_where_nothing_may_stand_in(
    tmp_path: Path, wanted: str
) -> None:
    call = Call(tmp_path, dongle(), *([WEBCAM, JACK] if wanted else []), wanted=wanted)
    for _ in range(3):
        assert call.takes() == ("Device", "Device")
        call.first.failed()
        call.now += STAND_IN
        assert call.first.news() == []
        assert not call.first.back(tmp_path)


def test_what_is_no_card_itself_is_known_by_its_name(tmp_path: Path) -> None:
    cards = [*machine(tmp_path, WEBCAM, JACK), Card(8, "pulse", 32, 32, 48_000)]
    first = FirstCards()
    for index in (7, 9):
        again = Card(index, "default", 32, 32, 48_000, default_input=True, default_output=True)
        microphone, speaker = first.choose([*cards, again], AudioConfig())
        assert (microphone.card, speaker.card) == (again, again)
    with pytest.raises(DeviceError, match="default is gone"):
        first.choose(cards, AudioConfig())
