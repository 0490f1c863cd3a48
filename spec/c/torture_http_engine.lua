-- Three transfers on the caller's engine: two that end, one that is broken off. Returns how
-- many gave the answer that the server gives.

local core, url = ...
local credential = core.credential("Basic", "user", "key")
local engine = core.http()
local into, good = core.buffer(), 0
local function add(request)
  request.url = request.url or url
  return engine:add(request)
end
local a = add { method = "GET", headers = { "X-A: 1" }, credential = credential }
local b = add { method = "POST", body = "text", into = into }
local c = add { method = "GET", url = url .. "hang" }
if c then c:cancel() c:result() end
for _, transfer in ipairs { a or b, b or a } do
  while not transfer:done() do engine:step(1) end
  local response = transfer:result()
  if response and tostring(response.body) == "hello" then
    assert(response.headers["x-one"] == "1, 2")
    good = good + 1
  end
end
add { method = "GET", url = url .. "hang", into = core.buffer() }
engine:close()
return good
