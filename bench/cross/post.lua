-- Makes wrk post a body with headers, and say in one line what came of it: answers, failures,
-- microseconds, bytes.
--
-- Usage: wrk ... --script post.lua URL -- <file with the body> <header: value>...
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for at = 2, #arguments do
    local name, value = arguments[at]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

function done(summary)
  local failed = 0
  for _, count in pairs(summary.errors) do failed = failed + count end
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, failed, summary.duration, summary.bytes))
end
