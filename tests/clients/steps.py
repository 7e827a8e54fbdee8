"""What a client does with server-everything, step by step. Each step returns what it saw, without
what differs each time: so it has to see the same through the gateway."""

import asyncio

import mcp_types as types
from mcp import Client

from watch import DEADLINE, Watch


class Server:
    """One of the servers behind the endpoint."""

    def __init__(self, at: int, prefixes: str) -> None:
        self.names, self.uris, *silent = prefixes.split(",")
        self.listened = not silent
        self.label = f"server-{at}"


def text(contents) -> str:
    return "\n".join(getattr(it, "text", f"[{it.type}]") for it in contents)


async def failure(call) -> dict:
    try:
        return {"unexpected": str(await call)}
    except Exception as error:  # the SDK's own class is an implementation detail
        error = getattr(error, "error", error)
        data = getattr(error, "data", None)
        message = getattr(error, "message", str(error))
        return {"code": getattr(error, "code", None), "message": message, "data": data}


# What lists there are: how each is asked for, its member of the result, what its items are known by.
LISTS = {
    "tools": ("list_tools", "tools", "name"),
    "prompts": ("list_prompts", "prompts", "name"),
    "resources": ("list_resources", "resources", "uri"),
    "templates": ("list_resource_templates", "resource_templates", "uri_template"),
}


async def list_of(client: Client, kind: str) -> list:
    """What is there of one kind, of all servers together."""
    fetch, member, key = LISTS[kind]
    items, cursor = [], None
    while True:
        page = await getattr(client, fetch)(cursor=cursor)
        items += [str(getattr(item, key)) for item in getattr(page, member)]
        cursor = page.next_cursor
        if cursor is None:
            return items


async def lists(client: Client) -> dict:
    """The same of every kind."""
    return {kind: await list_of(client, kind) for kind in LISTS}


async def cancel(client: Client, name: str) -> dict:
    """Calls a tool that reports progress and cancels it then."""
    begun = asyncio.Event()

    async def step(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    arguments = {"duration": 600, "steps": 6000}
    call = asyncio.create_task(client.call_tool(name, arguments, progress_callback=step))
    async with asyncio.timeout(DEADLINE):
        await begun.wait()
    call.cancel()
    [ended] = await asyncio.gather(call, return_exceptions=True)
    cancelled = isinstance(ended, asyncio.CancelledError)
    pong = await client.send_ping()
    return {"cancelled": cancelled or str(ended), "ping": pong.model_dump(exclude_none=True)}


async def look(client: Client, server: Server) -> dict:
    """What one request of each kind shows of a server."""
    uri = server.uris + "demo://resource/static/document/features.md"
    [content] = (await client.read_resource(uri)).contents
    [message] = (await client.get_prompt(server.names + "simple-prompt", None)).messages
    echo = await client.call_tool(server.names + "echo", {"message": "héllo"})
    return {
        "echo": text(echo.content),
        "read": content.text[:19],
        "prompt": message.content.text,
    }


class Steps:
    """The steps at one server, in this order; the names are those of steps.mjs."""

    def __init__(self, client: Client, watch: Watch, server: Server) -> None:
        self.client, self.watch, self.server = client, watch, server

    async def _tool(self, name: str, /, **arguments) -> types.CallToolResult:
        return await self.client.call_tool(self.server.names + name, arguments)

    async def _read_again(self, contents: list) -> list[dict]:
        """Reads each resource that is shown in these contents once more: the URI that a client sees
        is the URI that it can use."""
        read = []
        for content in contents:
            match content.type:
                case "resource_link":
                    uri = str(content.uri)
                case "resource":
                    uri = str(content.resource.uri)
                case _:
                    continue
            read.append(await self._read(uri))
        return read

    async def _read(self, uri: str) -> dict:
        [content] = (await self.client.read_resource(uri)).contents
        prefix = self.server.uris
        return {
            "own": uri[len(prefix) :] if uri.startswith(prefix) else False,
            "same": str(content.uri) == uri,
            # The end of the text says when it was made.
            "start": getattr(content, "text", "")[:40],
            "blob": hasattr(content, "blob"),
        }

    async def echo(self) -> str:
        return text((await self._tool("echo", message="héllo")).content)

    async def structured(self) -> dict:
        return (await self._tool("get-structured-content", location="Chicago")).structured_content

    async def image(self) -> str:
        return text((await self._tool("get-tiny-image")).content)

    async def annotated(self) -> list[dict]:
        result = await self._tool("get-annotated-message", messageType="error", includeImage=False)
        return [content.model_dump(exclude_none=True) for content in result.content]

    async def progress(self) -> dict:
        steps = []

        async def step(progress: float, total: float, message: str | None) -> None:
            steps.append(f"{progress:g}/{total:g}")

        result = await self.client.call_tool(
            self.server.names + "trigger-long-running-operation",
            {"duration": 0.4, "steps": 4},
            progress_callback=step,
        )
        return {"steps": steps, "text": text(result.content)}

    async def level(self) -> dict:
        return (await self.client.set_logging_level("debug")).model_dump(exclude_none=True)

    async def sampling(self) -> str:
        prompt = f"a prompt of {self.server.label}"
        result = await self._tool("trigger-sampling-request", prompt=prompt, maxTokens=5)
        return text(result.content)

    async def elicitation(self) -> str:
        return text((await self._tool("trigger-elicitation-request")).content)

    async def url(self) -> dict:
        arguments = {"url": "https://example.com/", "elicitationId": "an-id"}
        asked = await self._tool("trigger-url-elicitation", **arguments)
        refused = await failure(self._tool("trigger-url-elicitation", **arguments, errorPath=True))
        data = refused.pop("data") or {}
        refused["urls"] = [it["url"] for it in data.get("elicitations", [])]
        return {"asked": text(asked.content), "refused": refused}

    async def roots(self) -> dict | None:
        # The server asks on its own stream, so only where that arrives.
        if not self.server.listened:
            return None
        before = text((await self._tool("get-roots-list")).content)
        await self.watch.rooted.join()
        self.watch.roots[1:] = [types.Root(uri="file:///second", name="second")]
        await self.client.send_roots_list_changed()
        await self.watch.until("notifications/message", lambda it: "2 root(s)" in str(it["data"]))
        return {"before": before, "after": text((await self._tool("get-roots-list")).content)}

    async def prompts(self) -> dict:
        async def get(name: str, **arguments: str) -> list:
            prompt = await self.client.get_prompt(self.server.names + name, arguments)
            return [message.content for message in prompt.messages]

        embedded = await get("resource-prompt", resourceType="Text", resourceId="3")
        embedded += await get("resource-prompt", resourceType="Blob", resourceId="4")
        return {
            "simple": text(await get("simple-prompt")),
            "args": text(await get("args-prompt", city="Bern", state="BE")),
            "embedded": await self._read_again(embedded),
        }

    async def completion(self) -> dict:
        async def complete(ref, name: str, value: str, context: dict | None = None) -> list[str]:
            argument = {"name": name, "value": value}
            return (await self.client.complete(ref, argument, context)).completion.values

        prompt = types.PromptReference(name=self.server.names + "completable-prompt")
        uri = self.server.uris + "demo://resource/dynamic/text/{resourceId}"
        template = types.ResourceTemplateReference(uri=uri)
        return {
            "argument": await complete(prompt, "department", "E"),
            "context": await complete(prompt, "name", "", {"department": "Sales"}),
            "template": await complete(template, "resourceId", "7"),
        }

    async def resources(self) -> dict:
        uris = ["static/document/features.md", "dynamic/text/7", "dynamic/blob/8"]
        prefix = self.server.uris + "demo://resource/"
        missing = self.client.read_resource(self.server.uris + "demo://nothing")
        return {
            "read": [await self._read(prefix + uri) for uri in uris],
            "missing": await failure(missing),
        }

    async def links(self) -> list[dict]:
        links = await self._tool("get-resource-links", count=4)
        embedded = await self._tool("get-resource-reference", resourceType="Text", resourceId=5)
        return await self._read_again(links.content + embedded.content)

    async def zipped(self) -> dict:
        name = f"{self.server.label}.gz"
        contents = []
        for kind in ["resourceLink", "resource"]:
            arguments = {"name": name, "data": "data:text/plain,hello", "outputType": kind}
            contents += (await self._tool("gzip-file-as-resource", **arguments)).content
        read = await self._read_again(contents)
        if self.server.listened:
            await self.watch.until("notifications/resources/list_changed", lambda _: True)
        resources = (await lists(self.client))["resources"]
        return {"read": read, "listed": str(contents[0].uri) in resources}

    async def subscription(self) -> dict:
        uri = self.server.uris + "demo://resource/dynamic/text/9"
        if not self.server.listened:
            return await failure(self.client.subscribe_resource(uri))
        await self.client.subscribe_resource(uri)
        await self._tool("toggle-subscriber-updates")
        await self.watch.until("notifications/resources/updated", lambda it: it["uri"] == uri)
        subscribed = "Received Subscribe Resource request"
        await self.watch.until("notifications/message", lambda it: subscribed in str(it["data"]))
        await self._tool("toggle-subscriber-updates")
        return (await self.client.unsubscribe_resource(uri)).model_dump(exclude_none=True)

    async def cancellation(self) -> dict:
        return await cancel(self.client, self.server.names + "trigger-long-running-operation")
