"""Asks a gateway of two servers, `everything` and `fetch`, for a bit of everything: scripts/memcheck runs it.

Ends with an error if an answer has another status than it must have.
"""

import http.client
import json
import sys

REVISION, STATELESS = "2025-06-18", "2026-07-28"
ASKED = 0


def ask(method, body=None, headers=None, status=200, part=None):
    """Sends a request on a connection of its own; the headers of the answer. Of a stream a part alone is read."""
    global ASKED
    connection = http.client.HTTPConnection(sys.argv[1], timeout=300)
    usual = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    connection.request(method, "/mcp", body=body, headers={**usual, **(headers or {})})
    answer = connection.getresponse()
    text = answer.read(part)
    connection.close()
    if answer.status != status:
        sys.exit(f"{method} {body and body[:100]}: {answer.status} instead of {status}: {text[:200]}")
    ASKED += 1
    return answer.headers


def rpc(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def call(tool, **arguments):
    return rpc("tools/call", name=tool, arguments=arguments)


client = {"name": "memcheck", "version": "1"}
opened = ask("POST", rpc("initialize", protocolVersion=REVISION, capabilities={}, clientInfo=client))
session = {"mcp-session-id": opened["mcp-session-id"], "mcp-protocol-version": REVISION}
ask("POST", json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}), session, 202)
for body in (
    rpc("tools/list"),
    rpc("prompts/list"),
    rpc("resources/list"),
    rpc("resources/read", uri="everything+file:///x"),
    rpc("ping"),
    rpc("no/such/method"),
    call("everything__tool_0000"),
    call("fetch__tool_0001", text="x" * 1000),
    call("fetch__tool_0001", text='a "quote"\n' * 20_000),
    call("nobody__tool"),
):
    ask("POST", body, session)
for body in ('{"jsonrpc":', "[]", '{"jsonrpc":"2.0"}', "\0" * 100):
    ask("POST", body, session, 400)
ask("GET", None, session, part=1)
ask("GET", None, {**session, "last-event-id": "made up"}, part=1)
ask("PUT", "x", session, 405)
ask("POST", rpc("tools/list"), {"mcp-session-id": "x" * 40}, 404)
meta = {
    "io.modelcontextprotocol/protocolVersion": STATELESS,
    "io.modelcontextprotocol/clientInfo": client,
    "io.modelcontextprotocol/clientCapabilities": {},
}
head = {"mcp-protocol-version": STATELESS}
ask("POST", rpc("server/discover", _meta=meta), {**head, "mcp-method": "server/discover"})
ask("POST", rpc("tools/list", _meta=meta), {**head, "mcp-method": "tools/list"})
stateless = rpc("tools/call", name="everything__tool_0000", arguments={}, _meta=meta)
ask("POST", stateless, {**head, "mcp-method": "tools/call", "mcp-name": "everything__tool_0000"})
ask("DELETE", None, session, 204)
ask("POST", call("everything__tool_0000"), session, 404)
print(f"{ASKED} requests were answered as they must be")
