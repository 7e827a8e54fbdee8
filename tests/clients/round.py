"""A client of the Python SDK on a full round through all that server-everything has, at one or
several of them in one session.

Usage: python round.py <endpoint> <tool to cancel> <server>...

A server is "<prefix of its names>,<prefix of its URIs>": "," for a server that is spoken to
directly, "one__,one+" for one behind the gateway, "two__,two+,silent" for one there whose own stream
does not come by GET. Prints what round.mjs prints.
"""

import asyncio
import json
import sys
import traceback
import warnings

from mcp import Client

from steps import Server, Steps, cancel, lists
from watch import Watch

# All that is only in the handshake era is deprecated.
warnings.simplefilter("ignore")

STEPS = [name for name in vars(Steps) if not name.startswith("_")]


async def main(endpoint: str, slow: str, *prefixes: str) -> dict:
    servers = [Server(at, prefix) for at, prefix in enumerate(prefixes)]
    watch = Watch(len(servers), sum(server.listened for server in servers))
    async with Client(
        endpoint,
        mode="legacy",
        sampling_callback=watch.sample,
        elicitation_callback=watch.elicit,
        list_roots_callback=watch.list_roots,
        message_handler=watch.hear,
    ) as client:
        seen = {
            "revision": client.protocol_version,
            "server": client.server_info.model_dump(exclude_none=True),
            "capabilities": client.server_capabilities.model_dump(by_alias=True, exclude_none=True),
            "ping": (await client.send_ping()).model_dump(exclude_none=True),
            **await lists(client),
            "servers": [{} for _ in servers],
        }

        async def take(name: str, server: Server, into: dict) -> None:
            try:
                into[name] = await getattr(Steps(client, watch, server), name)()
            except Exception as error:
                into[name] = {"failed": str(error), "stack": traceback.format_exc()}

        # Every step is taken at all servers at once.
        for name in STEPS:
            pairs = zip(servers, seen["servers"])
            await asyncio.gather(*(take(name, server, into) for server, into in pairs))
            print(json.dumps({"step": name}), flush=True)
        seen["cancelled"] = await cancel(client, slow)
    seen["asked"] = watch.asked
    seen["heard"] = {name: 0 for name, _ in watch.heard}
    for name, _ in watch.heard:
        seen["heard"][name] += 1
    return seen


print(json.dumps({"seen": asyncio.run(main(*sys.argv[1:]))}))
