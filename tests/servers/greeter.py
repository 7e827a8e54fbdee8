"""A server on FastMCP 2 or 3, as it is installed where this runs: it greets, and asks its client for a name and for words
of its model before.

Usage: python greeter.py <port>
"""

import sys

import fastmcp
from fastmcp import Context, FastMCP

server = FastMCP("greeter")


@server.tool
def version() -> str:
    return f"FastMCP {fastmcp.__version__}"


@server.tool
async def greet(ctx: Context) -> str:
    named = await ctx.elicit("Your name?", response_type=str)
    said = await ctx.sample(f"Greet {named.data}")
    return f"{named.data}: {said.text}"


server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)
