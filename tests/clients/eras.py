"""Clients of Python side by side, each in the era that it is told or finds, at servers that have a
part of what server-everything has.

Usage: python eras.py <endpoint> <clients, with commas> <server>...

A client is "<sdk: mcp | fastmcp>:<mode: legacy | auto | a revision>". Otherwise this is eras.mjs,
but for the count of requests.
"""

import asyncio
import json
import sys
import traceback
import warnings
from contextlib import AsyncExitStack

import fastmcp
import mcp

from steps import Server, Steps, lists, look
from watch import Watch

# The levels of log messages are deprecated.
warnings.simplefilter("ignore")


class FastMcp:
    """The client of fastmcp in the shape of the SDK's. It asks for log messages with each request."""

    def __init__(self, client: fastmcp.Client) -> None:
        self.client = client
        self.list_tools = client.list_tools_mcp
        self.list_prompts = client.list_prompts_mcp
        self.list_resources = client.list_resources_mcp
        self.list_resource_templates = client.list_resource_templates_mcp
        self.get_prompt = client.get_prompt_mcp
        self.read_resource = client.read_resource_mcp
        self.set_logging_level = client.set_logging_level

    @property
    def protocol_version(self) -> str:
        return self.client.protocol_version

    @property
    def instructions(self) -> str | None:
        return self.client.instructions

    async def call_tool(self, name: str, arguments: dict, progress_callback=None):
        return await self.client.call_tool_mcp(name, arguments, progress_handler=progress_callback)


async def opened(stack: AsyncExitStack, name: str, endpoint: str, watch: Watch):
    """Connects; returns the client and whether it has to ask for log messages in a call."""
    sdk, mode = name.split(":", 1)
    if sdk == "fastmcp":
        # Log messages are heard as all notifications are; by itself it prints them.
        options = {"log_handler": lambda _: asyncio.sleep(0)}
        client = fastmcp.Client(endpoint, mode=mode, message_handler=watch.hear, **options)
        client = FastMcp(await stack.enter_async_context(client))
    else:
        client = mcp.Client(endpoint, mode=mode, message_handler=watch.hear)
        client = await stack.enter_async_context(client)
    if client.protocol_version < "2026-07-28":
        await client.set_logging_level("debug")
        return client, False
    return client, sdk == "mcp"


async def steps_at(client, watch: Watch, server: Server, ask_for_logs: bool) -> dict:
    if ask_for_logs:
        work = server.names + "trigger-long-running-operation"
        meta = {"io.modelcontextprotocol/logLevel": "debug"}
        await client.call_tool(work, {"duration": 0, "steps": 1}, meta=meta)
    steps = Steps(client, watch, server)
    return {it: await getattr(steps, it)() for it in ["echo", "progress", "prompts", "links"]}


async def lines():
    """What comes on stdin."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield line


async def main(endpoint: str, names: str, *prefixes: str) -> None:
    servers = [Server(at, prefix) for at, prefix in enumerate(prefixes)]
    clients = {}

    async def take(name: str, step) -> None:
        try:
            said = {"seen": await step(name)}
        except Exception:
            said = {"failed": traceback.format_exc()}
        print(json.dumps({"client": name, **said}), flush=True)

    async def round(name: str) -> dict:
        watch = Watch(len(servers), len(servers))
        client, ask = await opened(stack, name, endpoint, watch)
        clients[name] = client
        seen = {
            "revision": client.protocol_version,
            "instructions": client.instructions,
            **await lists(client),
        }
        each = [steps_at(client, watch, server, ask) for server in servers]
        return {**seen, "servers": await asyncio.gather(*each), "logged": watch.logged()}

    async def looks(name: str) -> dict:
        client = clients[name]
        each = [look(client, server) for server in servers]
        return {**await lists(client), "servers": await asyncio.gather(*each)}

    async with AsyncExitStack() as stack:
        await asyncio.gather(*(take(name, round) for name in names.split(",")))
        async for _ in lines():
            await asyncio.gather(*(take(name, looks) for name in names.split(",")))


asyncio.run(main(*sys.argv[1:]))
