#!/usr/bin/env bash
# A tool takes a text, and another one numbers. What does a server get of `--tool-arg NAME=VALUE` of the MCP Inspector?
#
# Versions: npm @modelcontextprotocol/inspector 2.12.0 in front of @modelcontextprotocol/server-everything 2026.8.31.
# Seen: the schema of the tool, which it has read, decides for numbers alone. A text that is JSON, like `5` or `null`, is sent
# as that, so the server refuses it, and the same text in quotes is sent as the text; `007`, which is no JSON, arrives. For a
# number, what is none is sent as null, and `0x10` is 16.
# Fails if one of them behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
echo '{}' >package.json
npm install --silent --ignore-scripts @modelcontextprotocol/inspector@2.12.0 \
  @modelcontextprotocol/server-everything@2026.8.31 >/dev/null 2>&1

cat >loopback.cjs <<'JS'
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  return typeof port === "object" ? listen.call(this, port, ...rest) : listen.call(this, port, "127.0.0.1", rest.pop());
};
JS
port=23456
PORT=$port node --require ./loopback.cjs node_modules/@modelcontextprotocol/server-everything/dist/index.js \
  streamableHttp >server.log 2>&1 &
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done

call() {
  HOME=$dir MCP_INSPECTOR_SECRET_STORE=memory node node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js \
    --cli "http://127.0.0.1:$port/mcp" --transport http --method tools/call --tool-name "$@" 2>/dev/null |
    node -p 'JSON.parse(fs.readFileSync(0)).content[0].text.replace(/.*(Invalid input)/, "$1")' || true
}
{
  for text in 5 null '"5"' 007; do
    echo "text $text: $(call echo --tool-arg "message=$text")"
  done
  for number in 0x10 x; do
    echo "number $number: $(call get-sum --tool-arg "a=$number" --tool-arg b=3)"
  done
} | tee seen
diff - seen <<'END'
text 5: Invalid input: expected string, received number at message
text null: Invalid input: expected string, received null at message
text "5": Echo: 5
text 007: Echo: 007
number 0x10: The sum of 16 and 3 is 19.
number x: Invalid input: expected number, received null at a
END
