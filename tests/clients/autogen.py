"""A client of AutoGen, driven line by line on stdin.

Usage: python autogen.py <endpoint>

  tools        prints {"tools": [<name>, ...]}
  call <tool>  prints {"call": <tool>, "text": <text>} or {"call": <tool>, "error": <text>}
"""

import asyncio
import json
import logging
import sys

from autogen_ext.tools.mcp import McpWorkbench, StreamableHttpServerParams


async def answer(workbench: McpWorkbench, what: str, *names: str) -> dict:
    if what == "tools":
        return {"tools": [tool["name"] for tool in await workbench.list_tools()]}
    result = await workbench.call_tool(names[0], {})
    return {"call": names[0], "error" if result.is_error else "text": result.to_text()}


async def main(endpoint: str) -> None:
    async with McpWorkbench(StreamableHttpServerParams(url=endpoint)) as workbench:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(workbench, *line.split())), flush=True)


# What fails is in what is printed.
logging.disable()
asyncio.run(main(sys.argv[1]))
