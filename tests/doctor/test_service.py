"""What the doctor finds out about key and service."""

import socket
from pathlib import Path

import pytest

from appliance.config import Config, ServiceConfig
from appliance.core.model import Fault, Model, Problem
from appliance.doctor import service as examined
from appliance.doctor.contract import Found
from appliance.doctor.service import account, key, service
from appliance.errors import AuthError, QuotaError, ServiceError, UnreachableError
from tests.console.stage import stage
from tests.doctor.conftest import KEY, Service


async def test_service_that_takes_the_key_is_ok(service_: Service) -> None:
    found = await service(ServiceConfig(base_url=service_.url))

    assert found == f"{service_.url} answers and offers gpt-realtime-2.1."
    assert service_.seen_key == f"Bearer {KEY}"


async def test_model_that_the_service_does_not_list_is_mentioned(service_: Service) -> None:
    found = await service(ServiceConfig(base_url=service_.url, model="gpt-odd"))

    assert "does not list gpt-odd" in str(found)


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


async def test_missing_key_is_a_fault_and_asks_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    with pytest.raises(AuthError, match="no API key"):
        await key(Config().service, tmp_path)
    found = await service(Config().service, tmp_path)
    assert isinstance(found, Found)
    assert found.verdict == "not-applicable"


async def test_key_of_the_service_is_found_from_outside_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service_: Service
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (tmp_path / "openai_api_key").write_text("sk-of-the-service\n")

    assert await key(Config().service, tmp_path) == "There is one."
    await service(ServiceConfig(base_url=service_.url), tmp_path)
    assert service_.seen_key == "Bearer sk-of-the-service"


async def test_key_that_only_the_service_may_read_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (tmp_path / "openai_api_key.cred").touch()

    found = await key(Config().service, tmp_path)
    assert isinstance(found, Found)
    assert "encrypted" in found.sentence


async def test_key_that_may_not_be_read_asks_for_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    (tmp_path / "openai_api_key").touch()

    def refuse(_path: Path, **_how: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(AuthError, match="Use sudo"):
        await key(Config().service, tmp_path)


QUOTA = Problem("quota", "The account has no quota left.", "Add credit.")


async def test_what_a_call_has_shown_of_the_account_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as (scene, _):
        unknown = await account()
        scene.hub.publish(Model(Fault(QUOTA)))
        refused = await account()
        scene.hub.publish(Model())
        scene.figures = {"blocks": 100}
        well = await account()

    assert isinstance(unknown, Found)
    assert unknown.verdict == "not-applicable"
    assert refused == Found("fail", QUOTA.cause, QUOTA.cure)
    assert well == "The last call was not refused."


async def test_without_a_daemon_nothing_is_known_of_the_account() -> None:
    found = await account()
    assert isinstance(found, Found)
    assert found.verdict == "not-applicable"
