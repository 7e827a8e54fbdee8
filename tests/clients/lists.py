"""A client of the Python SDK that lists what there is of every kind.

Usage: python lists.py <endpoint>

Prints what lists.mjs prints.
"""

import asyncio
import json
import sys

from mcp import Client

from steps import LISTS, list_of


async def main(endpoint: str) -> dict:
    async with Client(endpoint, mode="legacy") as client:
        seen = {}
        for kind in LISTS:
            try:
                seen[kind] = await list_of(client, kind)
            except Exception as error:  # the SDK's own class is an implementation detail
                seen[kind] = {"failed": str(error)}
        return seen


print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
