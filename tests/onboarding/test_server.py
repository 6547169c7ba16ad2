"""The page over HTTP: what phones ask for, what the form does, and what attackers try."""

import asyncio
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from appliance.onboarding.form import TYPE
from appliance.onboarding.model import Choice, Network, Notice, Rescan, Security, Verdict
from appliance.onboarding.server import SetUpPage
from tests.onboarding.conftest import NETWORKS, SETTING
from tests.onboarding.html import Document
from tests.onboarding.wire import ask

FORM = {"network": b"Home".hex(), "password": "correct horse", "country": "DE"}
PROBES = [
    "connectivitycheck.gstatic.com/generate_204",
    "clients3.google.com/generate_204",
    "captive.apple.com/hotspot-detect.html",
    "www.msftconnecttest.com/connecttest.txt",
    "www.msftconnecttest.com/redirect",
    "www.msftncsi.com/ncsi.txt",
    "detectportal.firefox.com/canonical.html",
    "detectportal.firefox.com/success.txt?ipv4",
    "nmcheck.gnome.org/check_network_status.txt",
]


@pytest.fixture
async def browser(page: SetUpPage) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=page.origin) as session:
        yield session


async def token(browser: aiohttp.ClientSession) -> str:
    """The token of a page that was fetched."""
    async with browser.get("/") as response:
        document = Document(await response.text())
    return document.all("input", name="token")[0]["value"]


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_phones_that_ask_for_their_makers_page_are_led_to_ours(
    page: SetUpPage, browser: aiohttp.ClientSession, probe: str, method: str
) -> None:
    host, _, path = probe.partition("/")
    async with browser.request(
        method, f"/{path}", headers={"Host": host}, allow_redirects=False
    ) as response:
        assert response.status == 302
        assert response.headers["Location"] == f"{page.origin}/"
    assert not page.used()  # a phone in somebody's pocket asks, too


async def test_page_carries_its_protection(browser: aiohttp.ClientSession) -> None:
    for path in ("/", "/nothing"):
        async with browser.get(path, allow_redirects=False) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert response.headers["Cache-Control"] == "no-store"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "Server" not in response.headers


async def test_the_form_that_was_sent_is_what_is_tried(
    page: SetUpPage, browser: aiohttp.ClientSession
) -> None:
    sent = {**FORM, "token": await token(browser)}
    assert page.used()
    async with browser.post("/", data=sent, headers={"Origin": page.origin}) as response:
        assert response.status == 200
        assert "The appliance tries" in await response.text()
    assert await page.wish(5.0) == Choice(b"Home", "correct horse", country="DE")


async def test_a_form_with_a_mistake_comes_back_and_nothing_is_tried(
    page: SetUpPage, browser: aiohttp.ClientSession
) -> None:
    sent = {**FORM, "password": "short", "token": await token(browser)}
    async with browser.post("/", data=sent) as response:
        assert response.status == 422
        text = await response.text()
    assert "8 to 63 characters, this one has 5" in text
    assert "short" not in text
    assert await page.wish(0.0) is None


async def test_networks_are_searched_for_again(
    page: SetUpPage, browser: aiohttp.ClientSession
) -> None:
    async with browser.post("/scan", data={"token": await token(browser)}) as response:
        assert response.status == 200
    assert await page.wish(5.0) == Rescan()


async def test_while_one_form_is_tried_another_waits(
    page: SetUpPage, browser: aiohttp.ClientSession
) -> None:
    sent = {**FORM, "token": await token(browser), "country": "GB", "api_key": "sk-abc"}
    async with browser.post("/", data=sent) as first, browser.post("/", data=sent) as second:
        assert (first.status, second.status) == (200, 409)
    await page.wish(5.0)
    await page.close()
    assert await page.open(NETWORKS, Notice(Verdict.PASSWORD, b"Home"))
    async with browser.get("/") as response:
        text = await response.text()
    assert "did not accept the password" in text
    assert "Leave this empty to keep it" in text  # key and country are kept at once
    assert Document(text).all("option", selected="")[0]["value"] == "GB"
    assert "sk-abc" not in text
    async with browser.post("/", data=sent) as again:  # the page from before still works
        assert again.status == 200


@pytest.mark.parametrize("given", [None, "", "x" * 43, "\u0661"])
async def test_without_the_token_of_our_page_nothing_happens(
    page: SetUpPage, browser: aiohttp.ClientSession, given: str | None
) -> None:
    await token(browser)
    sent = FORM if given is None else {**FORM, "token": given}
    for path in ("/", "/scan"):
        async with browser.post(path, data=sent) as response:
            assert response.status == 403
    assert await page.wish(0.0) is None


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", ""])
async def test_forms_of_other_sites_are_refused(
    page: SetUpPage, browser: aiohttp.ClientSession, origin: str
) -> None:
    sent = {**FORM, "token": await token(browser)}
    async with browser.post("/", data=sent, headers={"Origin": origin}) as response:
        assert response.status == 403
    assert await page.wish(0.0) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.", "127.0.0.1.nip.io",
     "127.1:{port}", "[::1]:{port}", "[::ffff:127.0.0.1]:{port}", "127.0.0.1:{port}@evil.example",
     "evil.example:{port}", "127.0.0.1:0{port}", "127.0.0.1:{port}.", ""],
)  # fmt: skip
async def test_another_name_for_our_address_gets_no_form(
    page: SetUpPage, browser: aiohttp.ClientSession, host: str
) -> None:
    """DNS rebinding: a page of another site that makes its own name lead to us."""
    host = host.format(port=page.origin.rpartition(":")[2])
    sent = {**FORM, "token": await token(browser)}
    async with browser.post("/", data=sent, headers={"Host": host}) as response:
        assert response.status == 421
    async with browser.get("/", headers={"Host": host}, allow_redirects=False) as response:
        assert response.status == 302
        assert "token" not in await response.text()
    assert await page.wish(0.0) is None


async def test_two_hosts_or_none_are_not_ours(page: SetUpPage) -> None:
    ours = page.origin.removeprefix("http://")
    for head in (
        f"Host: {ours}\r\nHost: evil.example\r\n",
        f"Host: {ours}\r\nHost: {ours}\r\n",
        "",
    ):
        answer = await ask(page, f"GET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        assert answer.split(b" ")[1] in {b"302", b"400"}
        assert b"token" not in answer


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", ""])
async def test_other_kinds_of_body_are_refused(
    page: SetUpPage, browser: aiohttp.ClientSession, kind: str
) -> None:
    body = f"token={await token(browser)}&network={FORM['network']}&password=12345678"
    async with browser.post("/", data=body, headers={"Content-Type": kind}) as response:
        assert response.status == 415
    assert await page.wish(0.0) is None


@pytest.mark.parametrize("body", [b"token=%ff", b"token=a&token=b", b"&a=" * 20, b"\x00\xff"])
async def test_bodies_that_are_no_form_are_refused(
    browser: aiohttp.ClientSession, body: bytes
) -> None:
    async with browser.post("/", data=body, headers={"Content-Type": TYPE}) as response:
        assert response.status in {400, 403}


async def test_a_strange_encoding_changes_nothing(
    page: SetUpPage, browser: aiohttp.ClientSession
) -> None:
    body = f"token={await token(browser)}&network={FORM['network']}&password=12345678"
    kind = f"{TYPE}; charset=rot13"
    async with browser.post("/", data=body, headers={"Content-Type": kind}) as response:
        assert response.status == 200
    assert await page.wish(5.0) == Choice(b"Home", "12345678")


async def test_bodies_and_heads_are_bounded(page: SetUpPage) -> None:
    ours = page.origin.removeprefix("http://")
    start = f"POST / HTTP/1.1\r\nHost: {ours}\r\nContent-Type: {TYPE}\r\n".encode()
    large = start + b"Content-Length: 5000\r\n\r\n" + b"a" * 5000
    assert b" 413 " in (await ask(page, large)).splitlines()[0]
    chunk = b"400\r\n" + b"a" * 1024 + b"\r\n"
    endless = start + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 8
    assert b" 413 " in (await ask(page, endless)).splitlines()[0]
    long_head = start + b"X: " + b"a" * 20000 + b"\r\n\r\n"
    assert b" 400 " in (await ask(page, long_head)).splitlines()[0]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"])
async def test_other_methods_are_refused(browser: aiohttp.ClientSession, method: str) -> None:
    async with browser.request(method, "/") as response:
        assert response.status == 405


@pytest.mark.parametrize(
    "path", ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/shadow", "/%00", "/scan", "/a" * 2000, "//evil"]
)
async def test_any_other_path_leads_to_the_page(
    page: SetUpPage, browser: aiohttp.ClientSession, path: str
) -> None:
    ours = page.origin.removeprefix("http://")
    request = f"GET {path} HTTP/1.1\r\nHost: {ours}\r\nConnection: close\r\n\r\n"
    answer = await ask(page, request.encode())
    assert answer.startswith(b"HTTP/1.1 302 ")
    assert f"\r\nLocation: {page.origin}/\r\n".encode() in answer


async def test_a_nasty_name_stays_text(page: SetUpPage, browser: aiohttp.ClientSession) -> None:
    await page.close()
    name = b'"><img src=x onerror=alert(1)>'
    assert await page.open([Network(name, 50, Security.OPEN)], Notice(Verdict.ABSENT, name))
    async with browser.get("/") as response:
        text = await response.text()
    assert "<img" not in text
    assert not re.search(r"<[^>]*onerror", text)


async def test_a_port_that_is_taken_is_told_and_not_fatal(
    page: SetUpPage, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(page.origin.rpartition(":")[2])
    second = SetUpPage(SETTING, "127.0.0.1", port)
    assert not await second.open(NETWORKS, None)
    assert "cannot be served" in caplog.text


async def test_after_closing_nobody_answers(page: SetUpPage) -> None:
    port = int(page.origin.rpartition(":")[2])
    await page.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
