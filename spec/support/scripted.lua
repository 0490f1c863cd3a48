-- A transport for specs: a function that answers from a script, on a clock that only waits move.

local scripted = {}

--- A clock for transport/function.lua.
function scripted.clock(start)
  local clock = { at = start or 1000, waits = {} }
  function clock.now() return clock.at end
  function clock.time() return clock.at + 1764000000 end
  function clock.wait(seconds)
    clock.waits[#clock.waits + 1] = seconds
    clock.at = clock.at + seconds
    return 0
  end
  return clock
end

--- A transport that gives `answers` one after the other (the last one again and again). An answer
--- is a response, a function(request) -> response, or { failure = … }. What was asked is in
--- `transport.requests`.
function scripted.transport(answers, clock)
  local requests = {}
  clock = clock or scripted.clock()
  local function respond(request)
    requests[#requests + 1] = request
    local answer = type(answers) == "function" and answers
      or answers[math.min(#requests, #answers)]
    if type(answer) == "function" then answer = answer(request, #requests) end
    if answer and answer.failure then return nil, answer.failure end
    return answer
  end
  local transport = require("sendcloud.transport.function").new(respond, {
    now = clock.now, time = clock.time, wait = clock.wait,
  })
  return transport, requests, clock
end

--- A client over such a transport.
function scripted.client(answers, options)
  local clock = scripted.clock()
  local transport, requests = scripted.transport(answers, clock)
  local all = { api_user = "the-user-7", api_key = "the-key-7", transport = transport }
  for name, value in pairs(options or {}) do all[name] = value end
  local client = assert(require("sendcloud").new(all))
  return client, requests, clock
end

--- A JSON answer.
function scripted.json(status, value, headers)
  local body = type(value) == "string" and value or require("cjson").encode(value)
  return { status = status, body = body, headers = headers }
end

return scripted
