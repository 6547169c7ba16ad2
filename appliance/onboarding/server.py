"""The port `Page` over HTTP, on the access point's own address.

Phones and computers ask for a page of their maker's when they join a network, over plain HTTP, and
show whatever they are led to if the answer is not the one they expect:

    Android   http://connectivitycheck.gstatic.com/generate_204
              (AOSP, NetworkStack: default_captive_portal_http_url)
    Apple     http://captive.apple.com/hotspot-detect.html (its probe-info.html tells of it)
    Windows   http://www.msftconnecttest.com/connecttest.txt (learn.microsoft.com, NCSI FAQ)
    Firefox   http://detectportal.firefox.com/canonical.html (captivedetect.canonicalURL)

So any name but our address is led to the page; that is also what keeps pages of other sites from
talking to it under a name of their own (DNS rebinding).
"""

import asyncio
import contextlib
import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from aiohttp import web
from typing_extensions import override

from appliance.onboarding import pages
from appliance.onboarding.form import TYPE, Filled, FormError, check, read
from appliance.onboarding.guard import Doorkeeper
from appliance.onboarding.model import Choice, Network, Notice, Rescan
from appliance.onboarding.nmcli import ADDRESS
from appliance.onboarding.ports import Page

BODY_LIMIT: Final = 4096  # bytes; the page's own answer has at most some 1500
BODY_TIME: Final = 10.0  # s for a body to arrive

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": pages.POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: it would have browsers send `Origin: null` with our own form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


class SetUpPage(Page):
    """Serves on `address` and `port` while it is open. `setting`: what the page tells."""

    def __init__(self, setting: pages.Setting, address: str = ADDRESS, port: int = 80) -> None:
        self._setting = setting
        self._address, self._port = address, port
        self._token = secrets.token_urlsafe(32)
        self._networks: Sequence[Network] = ()
        self._notice: Notice | None = None
        self._wish: Choice | Rescan | None = None
        self._wished = asyncio.Event()
        self._used = False
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        """Where the page is."""
        return f"http://{self._address}" + (f":{self._port}" if self._port != 80 else "")

    @override
    async def open(self, networks: Sequence[Network], notice: Notice | None) -> bool:
        await self.close()
        self._networks, self._notice = networks, notice
        self._runner = web.AppRunner(
            self.application(), access_log=None, shutdown_timeout=1.0, lingering_time=1.0
        )
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101 - it is set up
        loop = asyncio.get_running_loop()
        guard = Doorkeeper(self._runner.server)
        try:
            self._server = await loop.create_server(guard, self._address, self._port)
        except OSError as error:
            log.warning("The set-up page cannot be served: %s.", error.strerror)
            await self.close()
            return False
        self._port = self._server.sockets[0].getsockname()[1]
        return True

    @override
    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self._server = self._runner = self._wish = None
        self._wished.clear()

    @override
    async def wish(self, limit: float) -> Choice | Rescan | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._wished.wait()
        return self._wish

    @override
    def used(self) -> bool:
        used, self._used = self._used, False
        return used

    def application(self) -> web.Application:
        """Return the web application."""
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_LIMIT)
        app.add_routes([
            web.get("/", self._show), web.post("/", self._join), web.post("/scan", self._scan),
            web.get("/{path:.*}", self._lead),
        ])  # fmt: skip
        app.on_response_prepare.append(_dress)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall("Host", [])
        if hosts != [self.origin.removeprefix("http://")]:
            if request.method in {"GET", "HEAD"}:
                return await self._lead(request)
            return _refuse(421, "This address is not ours.")
        if request.method == "POST" and request.headers.get("Origin", self.origin) != self.origin:
            return _refuse(403, "The form was sent from another site.")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refuse(error.status, f"{error.reason}.")

    async def _lead(self, _request: web.Request) -> web.StreamResponse:
        link = f'<a href="{self.origin}/">Set up the voice appliance</a>\n'
        return web.Response(
            status=302, headers={"Location": f"{self.origin}/"}, text=link, content_type="text/html"
        )

    async def _show(self, _request: web.Request) -> web.StreamResponse:
        self._used = True
        return _html(
            pages.form_page(self._setting, self._networks, self._token, notice=self._notice)
        )

    async def _join(self, request: web.Request) -> web.StreamResponse:
        filled = await self._filled(request)
        checked = check(filled, self._networks, self._setting.countries)
        if not isinstance(checked, Choice):
            text = pages.form_page(
                self._setting, self._networks, self._token, filled=filled, wrong=checked
            )
            return _html(text, 422)
        self._ask(checked)
        self._setting = replace(
            self._setting,
            country=checked.country or self._setting.country,
            has_key=self._setting.has_key or bool(checked.api_key),
        )
        return _html(pages.farewell_page(self._setting, checked.ssid))

    async def _scan(self, request: web.Request) -> web.StreamResponse:
        await self._filled(request)
        self._ask(Rescan())
        return _html(pages.scanning_page(self._setting))

    async def _filled(self, request: web.Request) -> Filled:
        """Return a form that our page sent. Raises HTTPException."""
        self._used = True
        if request.content_type != TYPE:
            raise web.HTTPUnsupportedMediaType
        try:
            async with asyncio.timeout(BODY_TIME):
                filled = read(await request.read())
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        except FormError:
            raise web.HTTPBadRequest from None
        if not hmac.compare_digest(filled.token.encode(), self._token.encode()):
            raise web.HTTPForbidden(reason="This page was too old")
        return filled

    def _ask(self, wish: Choice | Rescan) -> None:
        if self._wish is not None:
            raise web.HTTPConflict(reason="The appliance is at work already. Wait two minutes")
        self._wish = wish
        self._wished.set()


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def _refuse(status: int, words: str) -> web.Response:
    response = _html(pages.refusal_page(words), status)
    response.force_close()  # the rest of what was sent may be anything
    return response


async def _dress(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.popall("Server", None)
