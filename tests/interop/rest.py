"""The official SDK against the HTTP endpoints: `URL`, offer on standard input; in .venv-interop.

Makes a call, a client secret, lists models, hangs up twice. Prints one JSON object.
"""

import asyncio
import json
import sys

from openai import AsyncOpenAI, NotFoundError  # type: ignore[import-not-found]  # .venv-interop only

SESSION = {"type": "realtime", "model": "gpt-realtime-2.1"}


async def main(url: str, offer: str) -> None:
    """Use every method of the SDK that concerns calls."""
    client = AsyncOpenAI(api_key="sk-test", base_url=url, max_retries=0)
    created = await client.realtime.calls.create(sdp=offer, session=SESSION)
    call_id = created.response.headers["location"].rpartition("/")[2]
    secret = await client.realtime.client_secrets.create(
        session=SESSION, expires_after={"anchor": "created_at", "seconds": 60}
    )
    models = await client.models.list()
    await client.realtime.calls.hangup(call_id)
    code = ""
    try:
        await client.realtime.calls.hangup(call_id)
    except NotFoundError as error:
        code = str(error.code)
    answer = created.text
    print(  # noqa: T201
        json.dumps(
            {
                "answer": answer,
                "secret": secret.value,
                "model": secret.session.model,
                "models": [model.id for model in models.data],
                "second_hangup": code,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.stdin.read()))
