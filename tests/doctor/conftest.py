"""A machine for the doctor: a key, folders of its own, and a service that answers as it is told."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "sk-test-canary-0123456789"
MODELS = {"data": [{"id": "gpt-realtime-2.1", "object": "model"}]}


@dataclass
class Service:
    """A service whose GET /v1/models answers as it is told."""

    url: str = ""
    status: int = 200
    body: bytes = json.dumps(MODELS).encode()
    seen_key: str = ""

    async def models(self, request: web.Request) -> web.Response:
        self.seen_key = request.headers["Authorization"]
        return web.Response(status=self.status, body=self.body, headers={"Location": "/elsewhere"})


@pytest_asyncio.fixture
async def service_() -> AsyncIterator[Service]:
    made = Service()
    app = web.Application()
    app.router.add_get("/v1/models", made.models)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/v1"))
        yield made


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "to" / "come"))
