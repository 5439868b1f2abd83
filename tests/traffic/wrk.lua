-- Walks through the tokens of a file, one a line, and says what came of it as
-- one line of JSON: times in microseconds.
local requests, at = {}, 0

function init(args)
  local path = args[3] or "/"
  for token in io.lines(args[1]) do
    requests[#requests + 1] = "GET " .. path .. " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
      .. token .. "\r\n\r\n"
  end
  -- Rounds begin at different places, so that short ones meet all of them.
  at = tonumber(args[2]) % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration":%d,"p50":%d,"p99":%d,"refused":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
