"""The page as a person meets it: labels, no script, nothing of a stranger's that is not escaped."""

import pytest

from appliance.onboarding.form import OTHER, Filled, check
from appliance.onboarding.model import Choice, Network, Notice, Security, Verdict
from appliance.onboarding.pages import (
    Setting,
    farewell_page,
    form_page,
    refusal_page,
    scanning_page,
)
from tests.onboarding.conftest import NETWORKS, SETTING
from tests.onboarding.html import Document

NASTY = b"</p><script>alert(1)</script>"
WRONG = {
    name: f"{name} <is> wrong." for name in ("network", "name", "password", "country", "api_key")
}
PAGES = {
    "form": form_page(SETTING, NETWORKS, "T"),
    "empty": form_page(SETTING, (), "T"),
    "wrong": form_page(SETTING, NETWORKS, "T", filled=Filled(network="ff"), wrong=WRONG),
    "failed": form_page(SETTING, NETWORKS, "T", notice=Notice(Verdict.PASSWORD, b"Home")),
    "nasty": form_page(SETTING, [Network(NASTY, 9, Security.OPEN)], "T",
                       notice=Notice(Verdict.ABSENT, NASTY)),
    "farewell": farewell_page(SETTING, NASTY),
    "scanning": scanning_page(SETTING),
    "refusal": refusal_page("<b>No.</b>"),
}  # fmt: skip


@pytest.fixture(params=list(PAGES.values()), ids=list(PAGES))
def document(request: pytest.FixtureRequest) -> Document:
    return Document(request.param)


def test_every_field_has_a_name_and_every_reference_a_target(document: Document) -> None:
    assert document.nameless() == []
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in document.elements:
        assert set(attributes.get("aria-describedby", "").split()) <= set(ids)
        if (link := attributes.get("href", "")).startswith("#"):
            assert link[1:] in ids


def test_page_has_language_title_heading_and_fits_a_phone(document: Document) -> None:
    assert document.all("html", lang="en")
    assert document.all("meta", content="width=device-width, initial-scale=1")
    assert len(document.all("h1")) == len(document.all("title")) == len(document.all("main")) == 1


def test_nothing_runs_and_nothing_comes_from_elsewhere(document: Document) -> None:
    tags = {tag for tag, _ in document.elements}
    assert tags.isdisjoint({"script", "iframe", "img", "link", "object", "b\ufffd"})
    for _, attributes in document.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "action"):
            assert not attributes.get(name, "/").startswith(("http", "//", "javascript"))


def test_a_strangers_name_is_text() -> None:
    assert "<script>alert(1)</script>" in Document(PAGES["nasty"]).text
    assert "<script>" not in PAGES["nasty"] + PAGES["farewell"]


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.JOINED])
def test_every_failure_has_words_of_its_own(verdict: Verdict) -> None:
    text = form_page(SETTING, NETWORKS, "T", notice=Notice(verdict, b"Home"))
    (notice,) = Document(text).all("div", role="alert")
    assert notice
    others = {each for each in Verdict if each not in {verdict, Verdict.JOINED}}
    told = text.partition('role="alert">')[2].partition("</div>")[0]
    assert "Home" in told
    for other in others:
        assert told not in form_page(SETTING, NETWORKS, "T", notice=Notice(other, b"Home"))


def test_what_was_sent_stays_but_no_secret_goes_back() -> None:
    filled = Filled("T", OTHER, 'My "net"', "short", "GB", "sk-with blank")
    wrong = check(filled, NETWORKS, SETTING.countries)
    assert not isinstance(wrong, Choice)
    assert set(wrong) == {"password", "api_key"}
    text = form_page(SETTING, NETWORKS, "T", filled=filled, wrong=wrong)
    document = Document(text)
    assert document.all("input", id="name", value='My "net"')
    assert "checked" in document.all("input", type="radio", value=OTHER)[0]
    assert document.all("option", selected="") == [{"value": "GB", "selected": ""}]
    assert document.all("input", id="password")[0]["aria-invalid"] == "true"
    for secret in ("short", "sk-with"):
        assert secret not in text


@pytest.mark.parametrize(
    ("ssid", "value", "name"), [(b"Home", b"Home".hex(), ""), (b"Hidden", OTHER, "Hidden")]
)
def test_after_a_failure_only_the_password_has_to_be_typed_again(
    ssid: bytes, value: str, name: str
) -> None:
    document = Document(form_page(SETTING, NETWORKS, "T", notice=Notice(Verdict.PASSWORD, ssid)))
    chosen = [radio["value"] for radio in document.all("input", type="radio") if "checked" in radio]
    assert chosen == [value]
    assert document.all("input", id="name")[0]["value"] == name


def test_the_country_that_is_known_is_chosen() -> None:
    assert Document(PAGES["form"]).all("option", selected="") == [{"value": "DE", "selected": ""}]


def test_a_key_that_is_there_is_told_but_not_shown() -> None:
    text = form_page(Setting("voice-1a2b", {}, has_key=True), (), "T")
    assert "Leave this empty to keep it" in text
