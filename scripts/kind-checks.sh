# Read by scripts/kind (`source`): what `test` checks, and `up` at its end.
# shellcheck shell=bash disable=SC2154 # `inspector`, `run` and `url` are of scripts/kind

# Arguments: the Inspector's. Prints its answer.
inspect() {
  "$inspector" --cli "$url" --transport http --method "$@" 2>"$run/inspector.log"
}

# Argument: a server. How many of its tools are listed?
tools_of() {
  inspect tools/list >"$run/tools.json" || return
  node -p 'JSON.parse(fs.readFileSync(process.argv[1])).tools.filter((tool) =>
    tool.name.startsWith(process.argv[2])).length' "$run/tools.json" "$1__"
}

# Arguments: yes or no, a server. Waits until its tools are listed, or are not, and leaves in `count` how many.
wait_until_listed() {
  local wanted=$1 server=$2 tries=0
  while true; do
    count=$(tools_of "$server") || count=unknown
    case $wanted-$count in
      *-unknown) ;;
      yes-0 | no-[1-9]*) ;;
      *) return 0 ;;
    esac
    ((tries++ < 30)) || {
      show_tail "$run/inspector.log"
      k logs --selector app.kubernetes.io/name=gateway --container discovery --prefix --tail=20 >&2 || true
      die "the tools of $server that $url lists: $count; see $run/tools.json, and above what discovery says"
    }
    sleep 1
  done
}

# Arguments: servers.
check_listed() {
  local server
  echo "$url lists"
  for server in "$@"; do
    wait_until_listed yes "$server"
    printf '  %2d tools of %s\n' "$count" "$server"
  done
}

# Arguments: what the result has to contain, a tool, its argument.
check_call() {
  local said
  said=$(inspect tools/call --tool-name "$2" --tool-arg "$3") || {
    show_tail "$run/inspector.log"
    die "$2 cannot be called at $url"
  }
  [[ $said == *"$1"* ]] || die "$2 answers without \"$1\": $said"
  echo "$2 answers"
}

# Argument: a JSON-RPC message; others of curl. Prints the response, head and all.
post() {
  local message=$1
  shift
  curl --silent --show-error --fail --include --max-time 30 "$url" --data "$message" "$@" \
    --header 'content-type: application/json' --header 'accept: application/json, text/event-stream'
}

# A session is in its id: either replica serves it, and those that come after them.
check_session() {
  local session list='{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
  session=$(post '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}' |
    tr -d '\r' | sed -n 's/^mcp-session-id: //Ip') || session=
  [[ -n $session ]] ||
    die "$url opens no session; see above, and: kubectl --context kind-$cluster -n mcp-mux logs -l app.kubernetes.io/name=gateway -c envoy"
  local header="mcp-session-id: $session"
  post '{"jsonrpc":"2.0","method":"notifications/initialized"}' --header "$header" >/dev/null
  for _ in {1..8}; do # a connection each, so that both replicas get some
    post "$list" --header "$header" | grep everything__echo >/dev/null || die "a replica does not serve the session"
  done
  k rollout restart deployment/gateway
  wait_for gateway
  post "$list" --header "$header" | grep everything__echo >/dev/null ||
    die "the session is lost with the Envoy that opened it: check the Secret session-keys"
  echo "a session is served by both replicas, and by those that replace them"
}

# Nobody but the gateway reaches a server. A pod of another namespace tries to, which no policy keeps from
# sending. It reaches the gateway first, and what came of the attempt is printed: a network that fails, or a
# kubectl, is none of the attempt.
check_policies() {
  local said attempt="
import socket
server = socket.getaddrinfo('everything.mcp-mux', 3001)[0][4]
socket.create_connection(('gateway.mcp-mux', 8080), 30).close()
try:
    socket.create_connection(server, 5)
    print('reached')
except OSError:
    print('refused')"
  k --namespace default delete pod mcp-mux-probe --ignore-not-found --now
  k --namespace default run mcp-mux-probe --image=python:3.13-slim --restart=Never --command -- sleep 600
  k --namespace default wait pod mcp-mux-probe --for=condition=Ready --timeout=5m
  said=$(k --namespace default exec mcp-mux-probe -- python -c "$attempt") ||
    die "a pod of another namespace does not reach the gateway, or does not run; see above"
  k --namespace default delete pod mcp-mux-probe --now
  [[ $said == refused ]] ||
    die "any pod reaches a server: the cluster does not enforce kind-cluster/namespace/network-policies.yaml; is kind 0.25 or newer?"
  echo "a server cannot be reached but through the gateway"
}

check_third_server() {
  k delete -f kind-cluster/servers/time.yaml --ignore-not-found # of a run that did not come to its end
  k apply -f kind-cluster/servers/time.yaml
  wait_for time
  wait_until_listed no time
  k label service time mcp-mux/upstream=true
  check_listed everything fetch time
  check_call datetime time__get_current_time timezone=UTC
  k label service time mcp-mux/upstream-
  wait_until_listed no time
  k delete -f kind-cluster/servers/time.yaml
  check_listed everything fetch
}
