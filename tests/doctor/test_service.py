"""What the doctor finds out about key and service."""

import socket

import pytest

from appliance.config import Config, ServiceConfig
from appliance.doctor import service as examined
from appliance.doctor.service import key, service
from appliance.errors import AuthError, QuotaError, ServiceError, UnreachableError
from tests.doctor.conftest import KEY, Service


async def test_service_that_takes_the_key_is_ok(service_: Service) -> None:
    found = await service(ServiceConfig(base_url=service_.url))

    assert "answers and offers gpt-realtime-2.1" in found
    assert service_.seen_key == f"Bearer {KEY}"


async def test_model_that_the_service_does_not_list_is_mentioned(service_: Service) -> None:
    found = await service(ServiceConfig(base_url=service_.url, model="gpt-odd"))

    assert "does not list gpt-odd" in found


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b'{"error": {"code": "invalid_api_key"}}', AuthError, "refuses the API key"),
        (429, b'{"error": {"code": "insufficient_quota"}}', QuotaError, "quota"),
        (302, b"", UnreachableError, "redirect"),
        (200, b"<html><body>Welcome to Hotel WiFi", UnreachableError, "sign-in page"),
        (200, b"\xff{}", UnreachableError, "not the Realtime service"),
        (200, b"{}", UnreachableError, "not the Realtime service"),
    ],
)
async def test_service_that_does_not_work_is_explained(
    service_: Service, status: int, body: bytes, kind: type[ServiceError], words: str
) -> None:
    service_.status, service_.body = status, body

    with pytest.raises(kind, match=words):
        await service(ServiceConfig(base_url=service_.url))


async def test_sign_in_page_without_end_is_cut(service_: Service) -> None:
    service_.body = b"<html>" + b"x" * (2 * examined.BODY_LIMIT)

    with pytest.raises(UnreachableError):
        await service(ServiceConfig(base_url=service_.url))


async def test_service_that_is_not_there_is_explained() -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(UnreachableError, match="Nothing answers"):
            await service(ServiceConfig(base_url=url))


async def test_silent_service_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "SERVICE_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        with pytest.raises(UnreachableError, match="does not answer in time"):
            await service(ServiceConfig(base_url=url))


async def test_missing_key_is_a_fault_of_key_and_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    for check in (key, service):
        with pytest.raises(AuthError, match="no API key"):
            await check(Config().service)
