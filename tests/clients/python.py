"""A client of the Python SDK, to be run against the gateway.

Usage: python python.py <endpoint> <negotiation: legacy | auto> <page to fetch>

Prints one JSON object: what the client saw.
"""

import asyncio
import json
import sys

from mcp import Client


async def main(endpoint: str, mode: str, page: str) -> dict:
    async with Client(endpoint, mode=mode) as client:

        async def text(name: str, arguments: dict, **options) -> str:
            result = await client.call_tool(name, arguments, **options)
            return result.content[0].text

        progress = []

        async def step(done: float, total: float | None, message: str | None) -> None:
            progress.append(done)

        seen = {
            "revision": client.protocol_version,
            "tools": [tool.name for tool in (await client.list_tools()).tools],
            "echo": await text("everything__echo", {"message": "héllo"}),
            "sum": await text("everything__get-sum", {"a": 40, "b": 2}),
            "slow": await text(
                "everything__trigger-long-running-operation",
                {"duration": 1, "steps": 4},
                progress_callback=step,
            ),
            "page": await text("fetch__fetch", {"url": page}),
        }
        seen["progress"] = progress
        try:
            await client.call_tool("nobody__echo", {})
        except Exception as error:  # the SDK's own class is an implementation detail
            seen["unknown"] = {"message": str(error)}
        return seen


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
