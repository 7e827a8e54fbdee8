#!/usr/bin/env bash
# A server is told to listen on an address. At what URLs does it serve then?
#
# Versions: npm @playwright/mcp 0.0.83.
# Seen: with `--host 127.0.0.1` it listens there alone, and refuses every request whose URL has that address with 403:
# it answers to `localhost` and its port, which is what it prints, and to nothing else. A client that asks for
# 127.0.0.1, and a gateway that sends another authority, get no further. `--allowed-hosts` names others.
# Fails if it behaves otherwise.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
echo '{}' >package.json
npm install --silent --ignore-scripts @playwright/mcp@0.0.83 >/dev/null 2>&1

serve() { # port, options
  node node_modules/@playwright/mcp/cli.js --headless --host 127.0.0.1 --port "$@" >"$1.log" 2>&1 &
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.1
  done
}
ask() { # name, port
  local body='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}'
  curl -s -o "$dir/answer" -w '%{http_code}' -H "host: $1:$2" -H 'content-type: application/json' \
    -H 'accept: application/json, text/event-stream' -d "$body" "http://127.0.0.1:$2/mcp"
}
serve 23461
serve 23462 --allowed-hosts 127.0.0.1:23462
{
  sed -n 's/^Listening on/it says:/p' 23461.log
  echo "localhost: $(ask localhost 23461)"
  echo "127.0.0.1: $(ask 127.0.0.1 23461), $(cat answer)"
  echo "127.0.0.1, allowed: $(ask 127.0.0.1 23462)"
} | tee seen
diff - seen <<'END'
it says: http://localhost:23461
localhost: 200
127.0.0.1: 403, Access is only allowed at localhost:23461
127.0.0.1, allowed: 200
END
