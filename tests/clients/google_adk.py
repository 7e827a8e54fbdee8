"""A client of google-adk, driven line by line on stdin.

Usage: python google_adk.py <endpoint>

  tools        prints {"tools": [<name>, ...]} or {"tools": null, "error": <text>}
  call <tool>  prints {"call": <tool>, "text": <text>} or {"call": <tool>, "error": <text>}
"""

import asyncio
import json
import logging
import sys

from google.adk.tools.mcp_tool import McpToolset, StreamableHTTPConnectionParams


class Agent:
    """What an agent of this framework has of a server: a toolset, whose tools it calls."""

    def __init__(self, endpoint: str) -> None:
        params = StreamableHTTPConnectionParams(url=endpoint)
        self.toolset = McpToolset(connection_params=params)
        self.tools = {}

    async def list(self) -> dict:
        try:
            self.tools = {tool.name: tool for tool in await self.toolset.get_tools()}
        except Exception as error:
            return {"tools": None, "error": str(error)}
        return {"tools": list(self.tools)}

    async def call(self, name: str) -> dict:
        # A call that fails returns its error; the context is of use to calls that ask the user.
        result = await self.tools[name].run_async(args={}, tool_context=None)
        if "error" in result:
            return {"call": name, "error": result["error"]}
        return {"call": name, "text": result["content"][0]["text"]}


async def main(endpoint: str) -> None:
    agent = Agent(endpoint)
    while line := await asyncio.to_thread(sys.stdin.readline):
        what, *names = line.split()
        said = await (agent.call(*names) if what == "call" else agent.list())
        print(json.dumps(said), flush=True)
    await agent.toolset.close()


# What fails is in what is printed.
logging.disable()
asyncio.run(main(sys.argv[1]))
