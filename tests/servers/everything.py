"""A part of what server-everything has, under the same names, on the Python SDK or on fastmcp, which
serve both eras. One tool logs, which that of server-everything does not.

Usage: python everything.py <sdk: mcp | fastmcp> <port> [sse]

With sse, it is served over the HTTP+SSE transport, and so in the older era alone.
"""

import asyncio
import base64
import sys
import warnings
from datetime import datetime

import mcp_types as types

# Log messages to clients are deprecated, and served all the same.
warnings.simplefilter("ignore")

sdk, port = sys.argv[1], int(sys.argv[2])
sse = sys.argv[3:] == ["sse"]
if sdk == "fastmcp":
    from fastmcp import Context
    from fastmcp import FastMCP as Server
    from fastmcp.prompts import Message as message

    transport, options = "http", {"show_banner": False}
    # Otherwise a result would have all of its content once more.
    plain = {"output_schema": None}
else:
    from mcp.server.mcpserver import Context
    from mcp.server.mcpserver import MCPServer as Server

    transport, options = "streamable-http", {}
    plain = {"structured_output": False}

    def message(content) -> dict:
        return {"role": "user", "content": content}


DYNAMIC = "demo://resource/dynamic"
FEATURES = "demo://resource/static/document/features.md"
server = Server("everything", instructions="A part of the Everything Server.")


def made(what: str, id: int | str) -> str:
    return f"Resource {id}: This is a {what} created at {datetime.now()}"


@server.resource(FEATURES, mime_type="text/markdown")
def features() -> str:
    return "# Everything Server"


@server.resource(DYNAMIC + "/text/{resourceId}", mime_type="text/plain")
def text_resource(resourceId: str) -> str:
    return made("plaintext resource", resourceId)


@server.resource(DYNAMIC + "/blob/{resourceId}", mime_type="text/plain")
def blob_resource(resourceId: str) -> bytes:
    return made("base64 blob", resourceId).encode()


def embedded(kind: str, id: int | str) -> types.EmbeddedResource:
    uri = f"{DYNAMIC}/{kind.lower()}/{id}"
    if kind == "Text":
        content = types.TextResourceContents(
            uri=uri, mime_type="text/plain", text=text_resource(str(id))
        )
    else:
        blob = base64.b64encode(blob_resource(str(id))).decode()
        content = types.BlobResourceContents(uri=uri, mime_type="text/plain", blob=blob)
    return types.EmbeddedResource(type="resource", resource=content)


@server.tool(**plain)
def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool("trigger-long-running-operation", **plain)
async def work(duration: float, steps: int, context: Context) -> str:
    await context.info("begun")
    for step in range(1, steps + 1):
        await asyncio.sleep(duration / steps)
        await context.report_progress(step, steps)
    done = "Long running operation completed."
    return f"{done} Duration: {duration:g} seconds, Steps: {steps}."


@server.tool("get-resource-links", **plain)
def links(count: int) -> list:
    def link(id: int) -> types.ResourceLink:
        kind = "text" if id % 2 == 0 else "blob"
        uri = f"{DYNAMIC}/{kind}/{id}"
        return types.ResourceLink(
            type="resource_link", uri=uri, name=f"Resource {id}", mime_type="text/plain"
        )

    said = types.TextContent(type="text", text=f"Here are {count} resource links")
    return [said, *(link(id) for id in range(1, count + 1))]


@server.tool("get-resource-reference", **plain)
def reference(resourceType: str, resourceId: int) -> list:
    return [embedded(resourceType, resourceId)]


@server.prompt("simple-prompt")
def simple() -> str:
    return "This is a simple prompt without arguments."


@server.prompt("args-prompt")
def args(city: str, state: str) -> str:
    return f"What's weather in {city}, {state}?"


@server.prompt("resource-prompt")
def resource_prompt(resourceType: str, resourceId: str) -> list:
    return [message(embedded(resourceType, resourceId))]


server.run("sse" if sse else transport, host="127.0.0.1", port=port, **options)
