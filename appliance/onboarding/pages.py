"""The set-up page as HTML: no script, nothing from elsewhere, fit for a screen of 320 pixels. Pure.

What the radio heard or a person typed is escaped here, every time. Secrets are never sent back.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from appliance.onboarding.form import OTHER, Filled
from appliance.onboarding.model import Network, Notice, Security, Verdict, readable

_STYLE: Final = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:34rem}
body{overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25}
fieldset{border:1px solid;border-radius:.5rem;margin:0 0 1rem;padding:.5rem .75rem}
legend,label.above{font-weight:600}
label.choice{padding:.25rem 0;display:flex;align-items:center;gap:.75rem;min-height:2.75rem}
label.choice span{flex:1}
input[type=radio]{width:1.25rem;height:1.25rem;flex:none}
input:not([type=radio]),select,button{font:inherit;box-sizing:border-box;width:100%;min-height:2.75rem;padding:.5rem}
button{border:2px solid;border-radius:.5rem;font-weight:600;cursor:pointer}
button.main{background:#0b4f9e;color:#fff;border-color:#0b4f9e}
:focus-visible{outline:3px solid #c60;outline-offset:2px}
p.hint{margin:.25rem 0 0;font-size:.9rem}
p.wrong{margin:.25rem 0;font-weight:600;border-left:.3rem solid #b00020;padding-left:.5rem}
.notice{border:2px solid #b00020;border-radius:.5rem;padding:0 .75rem;margin-bottom:1rem}
div.field,form{margin-bottom:1rem}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

_SEEN: Final = "You can see it while you type. Leave it empty only for a network without one."

_TROUBLE: Final[Mapping[Verdict, str]] = {
    Verdict.PASSWORD: "{name} did not accept the password. Type it again: small and capital "
    "letters are different ones.",
    Verdict.ABSENT: "{name} was not found. See that its router is on and near enough. If the name "
    "was typed, it has to be exactly as the router shows it.",
    Verdict.ADDRESS: "{name} let the appliance in, but gave it no address. Switch the router off "
    "and on again, wait two minutes, and repeat.",
    Verdict.REFUSED: "{name} did not let the appliance in. Most often the password is not quite "
    "right; or the router lets in only devices that it knows.",
    Verdict.SLOW: "{name} did not answer in time. Bring the appliance and the router closer "
    "together, and repeat.",
    Verdict.FAILED: "{name} could not be joined. Switch the appliance off and on again, "
    "and repeat.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What all pages know. `country`: two letters, or nothing if it is not known yet."""

    device: str
    countries: Mapping[str, str]  # code: English name
    country: str = ""
    has_key: bool = False


def form_page(
    setting: Setting,
    networks: Sequence[Network],
    token: str,
    *,
    notice: Notice | None = None,
    filled: Filled | None = None,
    wrong: Mapping[str, str] | None = None,
) -> str:
    """Return the page with the form. `filled` and `wrong`: what was sent and has to be mended."""
    given, wrong = filled or _start(setting, networks, notice), wrong or {}
    parts = [
        "<h1>Set up the voice appliance</h1>",
        f"<p>You are on the network of <b>{escape(setting.device)}</b>.",
        "Tell it which Wi-Fi it shall use.</p>",
        _notice(notice, wrong),
        f'<form method="post" action="/" autocomplete="off">{_hidden(token)}',
        _choice(networks, given, wrong),
        _field("name", "Its name, if it is not in the list", wrong, 32, value=given.name),
        _field("password", "Password of this Wi-Fi", wrong, 64, hint=_SEEN),
        _country(setting, given, wrong),
        _field("api_key", "API key (optional)", wrong, 300, hint=_key_hint(setting.has_key)),
        '<button class="main">Connect</button></form>',
        f'<form method="post" action="/scan">{_hidden(token)}<p id="scan-hint">',
        "This network goes away for half a minute while the appliance listens anew.</p>",
        '<button aria-describedby="scan-hint">Search for networks again</button></form>',
    ]  # fmt: skip
    title = "Please correct" if wrong else "Wi-Fi"
    return _page(f"{title}: voice appliance", "\n".join(parts))


def farewell_page(setting: Setting, ssid: bytes) -> str:
    """Return what happens after the form was sent."""
    name, device = _quoted(ssid), escape(setting.device)
    return _page(
        "Connecting: voice appliance",
        f"""
<h1>The appliance tries {name}</h1>
<p>For that its own network goes away now; your phone goes back to the one it had before.</p>
<ol>
<li>Wait one to two minutes.</li>
<li>If <b>{device}</b> does not come back among the networks of your phone, all is well: press the
button of the appliance and talk.</li>
<li>If it comes back, something was not right: join it again, and this page says what.</li>
</ol>""",
    )


def scanning_page(setting: Setting) -> str:
    """Return what happens when the networks are searched for again."""
    return _page(
        "Searching: voice appliance",
        f"""
<h1>The appliance searches for networks</h1>
<p>Its own network goes away for half a minute. Then join <b>{escape(setting.device)}</b> again;
the page comes back.</p>""",
    )


def refusal_page(words: str) -> str:
    """Return a page that says why something was not done."""
    return _page(
        "Not done: voice appliance",
        f"""
<h1>That was not done</h1>
<p>{escape(words)}</p>
<p><a href="/">To the set-up page</a></p>""",
    )


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "</main>\n</body>\n</html>\n"
    )


def _start(setting: Setting, networks: Sequence[Network], notice: Notice | None) -> Filled:
    """Return what stands in the form at first: after a failure the network that was tried."""
    if notice is None:
        return Filled(country=setting.country)
    if any(network.ssid == notice.ssid for network in networks):
        return Filled(network=notice.ssid.hex(), country=setting.country)
    return Filled(network=OTHER, name=readable(notice.ssid), country=setting.country)


def _notice(notice: Notice | None, wrong: Mapping[str, str]) -> str:
    if wrong:
        links = "".join(
            f'<li><a href="#{name}">{escape(words)}</a></li>' for name, words in wrong.items()
        )
        return f'<div class="notice" role="alert"><p>Please correct:</p><ul>{links}</ul></div>'
    if notice is None or notice.verdict not in _TROUBLE:
        return ""
    words = _TROUBLE[notice.verdict].format(name=_quoted(notice.ssid))
    return f'<div class="notice" role="alert"><p>{words}</p></div>'


def _choice(networks: Sequence[Network], given: Filled, wrong: Mapping[str, str]) -> str:
    lines = [
        _radio(
            network.ssid.hex(), f"<bdi>{escape(network.name)}</bdi>", _about(network), given, first
        )
        for first, network in zip([True, *[False] * len(networks)], networks, strict=False)
    ]
    lines.append(_radio(OTHER, "Another one", "type its name below", given, not networks))
    none = "" if networks else "<p>No network was heard.</p>"
    described = ' aria-describedby="network-wrong"' if "network" in wrong else ""
    return (
        f"<fieldset{described}><legend>Your Wi-Fi</legend>{_wrong('network', wrong)}{none}"
        f"{''.join(lines)}</fieldset>"
    )


def _radio(value: str, label: str, about: str, given: Filled, first: bool) -> str:
    chosen = " checked" if given.network == value else ""
    number = ' id="network"' if first else ""
    return (
        f'<label class="choice"><input type="radio" name="network" value="{value}" required'
        f"{number}{chosen}><span>{label} <small>({about})</small></span></label>"
    )


def _about(network: Network) -> str:
    strength = "strong" if network.signal >= 60 else "fair" if network.signal >= 35 else "weak"
    kinds = {
        Security.OPEN: ", no password",
        Security.PERSONAL: "",
        Security.FOREIGN: ", not usable",
    }
    return strength + kinds[network.security]


def _field(
    name: str, label: str, wrong: Mapping[str, str], most: int, *, value: str = "", hint: str = ""
) -> str:
    notes = [f"{name}-wrong"] * (name in wrong) + [f"{name}-hint"] * bool(hint)
    described = f' aria-describedby="{" ".join(notes)}"' if notes else ""
    invalid = ' aria-invalid="true"' if name in wrong else ""
    told = f'<p class="hint" id="{name}-hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<div class="field"><label class="above" for="{name}">{escape(label)}</label>'
        f"{_wrong(name, wrong)}"
        f'<input type="text" id="{name}" name="{name}" value="{escape(value)}" maxlength="{most}" '
        'autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false"'
        f"{described}{invalid}>{told}</div>"
    )


def _country(setting: Setting, given: Filled, wrong: Mapping[str, str]) -> str:
    options = ['<option value="">not told: fewer channels</option>']
    for code, name in sorted(setting.countries.items(), key=lambda pair: pair[1]):
        chosen = " selected" if code == given.country else ""
        options.append(f'<option value="{escape(code)}"{chosen}>{escape(name)}</option>')
    return (
        '<div class="field"><label class="above" for="country">Country</label>'
        f"{_wrong('country', wrong)}"
        f'<select id="country" name="country" aria-describedby="country-hint">{"".join(options)}'
        '</select><p class="hint" id="country-hint">It decides which channels the radio may use.'
        "</p></div>"
    )


def _key_hint(has_key: bool) -> str:
    if has_key:
        return "The appliance has one. Leave this empty to keep it."
    return "Of your account at the service. It may be given later, too."


def _wrong(name: str, wrong: Mapping[str, str]) -> str:
    return f'<p class="wrong" id="{name}-wrong">{escape(wrong[name])}</p>' if name in wrong else ""


def _hidden(token: str) -> str:
    return f'<input type="hidden" name="token" value="{escape(token)}">'


def _quoted(ssid: bytes) -> str:
    return f"\u201c<bdi>{escape(readable(ssid))}</bdi>\u201d"
