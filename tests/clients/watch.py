"""What servers send on their own: requests, which are answered, and notifications."""

import asyncio

import mcp_types as types

# How long anything may take, in seconds: far more than it needs on a busy machine.
DEADLINE = 25


class Meeting:
    """Lets everybody through when all are there; says who came as which."""

    def __init__(self, size: int) -> None:
        self.size, self.arrived, self.full = size, 0, asyncio.Event()

    async def join(self) -> int:
        self.arrived += 1
        turn = self.arrived
        if turn == self.size:
            self.full.set()
        await self.full.wait()
        return turn


class Watch:
    """What servers send on their own. Samplings and forms wait until one of each server is there,
    so that they are open at the same time."""

    def __init__(self, servers: int, listened: int) -> None:
        self.samplings, self.forms = Meeting(servers), Meeting(servers)
        # Those that are listened to know the roots of the beginning.
        self.rooted = Meeting(listened)
        self.asked: list[dict] = []
        self.heard: list[tuple[str, dict]] = []
        self.news = asyncio.Condition()
        self.roots = [types.Root(uri="file:///first", name="first")]

    def record(self, method: str, context, mode: str | None = None) -> None:
        self.asked.append({"method": method, "id": context.request_id, "mode": mode})

    async def list_roots(self, context) -> types.ListRootsResult:
        self.record("roots/list", context)
        return types.ListRootsResult(roots=self.roots)

    async def sample(self, context, params) -> types.CreateMessageResult:
        self.record("sampling/createMessage", context)
        await self.samplings.join()
        answer = types.TextContent(text=f"answer to <{params.messages[0].content.text}>")
        return types.CreateMessageResult(model="model", role="assistant", content=answer)

    async def elicit(self, context, params) -> types.ElicitResult:
        self.record("elicitation/create", context, params.mode)
        if params.mode == "url":
            return types.ElicitResult(action="accept")
        properties = params.requested_schema["properties"]
        if "interpretation" in properties:
            chosen = properties["interpretation"]["oneOf"][1]["const"]
            return types.ElicitResult(action="accept", content={"interpretation": chosen})
        turn = await self.forms.join()
        return types.ElicitResult(action="accept", content={"name": f"Nobody {turn}"})

    async def hear(self, message) -> None:
        if isinstance(message, Exception):
            return
        params = message.params.model_dump(by_alias=True, mode="json") if message.params else {}
        async with self.news:
            self.heard.append((message.method, params))
            self.news.notify_all()

    async def until(self, method: str, wanted) -> None:
        def found() -> bool:
            return any(name == method and wanted(params) for name, params in self.heard)

        async with asyncio.timeout(DEADLINE), self.news:
            await self.news.wait_for(found)

    def logged(self) -> list:
        """What the log messages so far say."""
        return [params["data"] for name, params in self.heard if name == "notifications/message"]
