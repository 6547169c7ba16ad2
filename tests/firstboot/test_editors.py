# ruff: noqa: RUF001 - the odd quotes and dashes are the point
"""What editors, keyboards and people do to a small text file, and what we read all the same."""

import codecs

import pytest

from appliance.firstboot.letter import UnreadableError, read_letter
from appliance.firstboot.statements import Statement, read_statements
from tests.firstboot.device import API_KEY, KEY, WHOLE, WIFI, Device


def single(line: str) -> Statement:
    (statement,), puzzles = read_statements(line)
    assert puzzles == []
    return statement


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
        (b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_encoding_is_applied_and_overwritten_in_it(
    device: Device, mark: bytes, encoding: str, newline: str
) -> None:
    text = WHOLE.replace("Home", "Café").replace("\n", newline)
    device.write(mark + text.encode(encoding))
    device.start()
    ssid = "".join(f"{octet};" for octet in "Café".encode())
    assert f"\nssid={ssid}\n" in device.text(WIFI)
    assert device.text(API_KEY) == KEY + "\n"
    assert device.letter.startswith(mark)
    after = device.letter[len(mark) :].decode(encoding)
    assert after == text.replace(KEY, "*" * len(KEY)).replace("correct horse", "*" * 13)


def test_character_of_many_bytes_is_overwritten_wholly() -> None:
    letter = read_letter("x", 'a = "pä😀ss"'.encode())
    assert letter.blanked([(5, 10)]) == b'a = "' + b"*" * len("pä😀ss".encode()) + b'"'
    wide = read_letter("x", 'a = "pä😀ss"'.encode("utf-16"))
    assert wide.blanked([(5, 10)]).decode("utf-16") == 'a = "******"'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{\\rtf1 hello}", "rich text"),
        (b"PK\x03\x04 docx", "word processor"),
        (b"<!doctype html><p>", "web page"),
        (codecs.BOM_UTF8 + b"\xff\xfe\xfa", "damaged"),
        (b"\x00\xff\x00\x00\xd8\x00", "damaged|no text"),
        (b"#" * 70_000, "larger than 64 KiB"),
    ],
)
def test_what_is_no_text_is_told(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read_letter("x", data)


@pytest.mark.parametrize(
    "line",
    [
        'ssid = "Home"', "ssid = 'Home'", 'ssid="Home"', '  ssid  =  "Home"  # ours', "ssid = Home",
        "ssid = Home # ours", "ssid: Home", "SSID = “Home”", "ssid = „Home“", "ssid = ‘Home’",
        "ssid = «Home»", 'ssid = "Home”', 'ssid = "Home', "ssid = `Home`", '"ssid" = "Home"',
        "\u00a0ssid\u00a0=\u00a0“Home”\u00a0", "\u200bssid = Home\u200b",
        "ssid = “Home” # the “old” one",
    ],
)  # fmt: skip
def test_text_is_read_as_it_was_meant(line: str) -> None:
    statement = single(line)
    assert (statement.key, statement.value, statement.literal) == ("ssid", "Home", "Home")
    assert line[statement.start : statement.end] == "Home"


def test_apostrophe_inside_a_name_is_part_of_it() -> None:
    for line in ('ssid = "Anna’s iPhone"', "ssid = “Anna’s iPhone”", "ssid = ‘Anna’s iPhone’"):
        assert single(line).value == "Anna’s iPhone"


def test_backslash_that_toml_would_refuse_is_a_backslash() -> None:
    assert single(r'password = "pa\ss"').value == r"pa\ss"
    assert single(r"password = 'a\tb'").value == r"a\tb"


def test_hash_inside_quotes_is_part_of_a_password() -> None:
    assert single('password = "a#b c"').value == "a#b c"
    assert single("password = a#b").value == "a#b"


@pytest.mark.parametrize("word", ["12345678", "01234567", "1e8", "2024-01-01", "true", "0x10"])
def test_text_that_looks_like_a_number_keeps_its_spelling(word: str) -> None:
    assert single(f"password = {word}").literal == word


def test_values_of_more_than_one_line_are_read() -> None:
    text = 'a = [\n  "one",\n  "two",\n]\nb = """\nx\ny"""\nc = 1\n'
    statements, puzzles = read_statements(text)
    assert puzzles == []
    assert [(each.line, each.key, each.value) for each in statements] == [
        (1, "a", ["one", "two"]), (5, "b", "x\ny"), (8, "c", 1),
    ]  # fmt: skip


def test_bracket_that_is_never_closed_spoils_only_its_line() -> None:
    statements, puzzles = read_statements('a = ["one"\nb = 2\n')
    assert [each.key for each in statements] == ["b"]
    assert [each.line for each in puzzles] == [1]


def test_tables_and_dotted_keys_and_their_spellings() -> None:
    text = '[Wi-Fi]\nSSID="a"\n[ session ]  # x\nturn_detection.type = "b"\n[[wifi]]\nssid = "c"\n'
    statements, _ = read_statements(text)
    assert [(each.table, each.key) for each in statements] == [
        ("wi_fi", "ssid"), ("session.turn_detection", "type"), ("wifi", "ssid"),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["hello there", "= 3", "[audio", "§"])
def test_line_that_is_no_setting_is_named(line: str) -> None:
    statements, puzzles = read_statements(f"a = 1\n{line}\n\n# comment\nb = 2")
    assert [each.key for each in statements] == ["a", "b"]
    assert [each.line for each in puzzles] == [2]


def test_smart_dashes_in_names_and_keys_are_hyphens(device: Device) -> None:
    device.write(f"hostname = “living–room”\nAPI–Key = “{KEY.replace('-', chr(0x2013))}”\n")
    device.start()
    assert device.system.host == "living-room"
    assert device.text(API_KEY) == KEY + "\n"
    assert "paste it anew" in device.result


def test_order_of_tables_does_not_matter(device: Device) -> None:
    """Whoever writes the key below [wifi] still means the key."""
    device.write(
        f'country = "de"\n[wifi]\nssid = "Home"\npassword = "12345678"\nopenai_api_key = "{KEY}"\n'
        '[network]\nhost-name = "kitchen"\n'
    )
    device.start()
    assert device.text(API_KEY) == KEY + "\n"
    assert device.system.host == "kitchen"
    assert "regdom=DE" in device.text("etc/modprobe.d/voice-appliance-wifi.conf")
    assert "Not applied" not in device.result
