"""Shows the sound cards: the one that is taken, the others, and the reasons."""

import click
import msgspec

from appliance.config import AudioConfig
from appliance.errors import DeviceError
from appliance.hardware.cards import NOUN, Listed, choose, listed
from appliance.hardware.portaudio import list_devices

_INDENT = "    "


def show(config: AudioConfig, *, as_json: bool) -> None:
    """Print the cards for both directions, the best first; what cannot be opened, last."""
    cards = list_devices()
    wishes = {"input": config.input, "output": config.output}
    if as_json:
        rows = [row for way in NOUN for row in listed(cards, wishes[way], way)]
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return
    for way, noun in NOUN.items():
        click.echo(f"{noun.capitalize()}s (audio.{way}):")
        for row in listed(cards, wishes[way], way):
            click.echo("\n".join(lines(row)))
        try:
            choice = choose(cards, wishes[way], way)
        except DeviceError as error:
            click.echo(f"{_INDENT}None is taken. {error}")
        else:
            click.echo(f"{_INDENT}Taken: {choice.card.name}, because: {choice.reason}.")


def lines(row: Listed) -> list[str]:
    """Return a card as a person reads it."""
    facts = [f"{row.channels} channel{'s' * (row.channels != 1)}"] if row.channels else []
    if row.rates != (0,):
        facts.append(f"{', '.join(map(str, row.rates))} Hz")
    if row.usb_path:
        facts.append(f"USB path {row.usb_path}")
    return [
        f"{'->' if row.chosen else '  '}  {row.name}",
        f"{_INDENT}rank {row.rank}: {row.reason}",
        f"{_INDENT}{'; '.join([*facts, row.setting])}",
    ]
