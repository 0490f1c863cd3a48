-- The same on the engine's own thread, and on one of the host's: this one.

local core, url = ...
local credential = core.credential("Basic", "user", "key")
local idle, good = core.http(), 0
local function finish(job, work)
  if work then core.http_work(job:id()) end
  while not job:done() do idle:step(0.001) end
  local response = job:result()
  if response and tostring(response.body) == "hello" then good = good + 1 end
end
for _, kind in ipairs { "http_thread", "http_pool" } do
  local worker = core[kind]()
  local function submit(request)
    request.url = request.url or url
    return worker and worker:submit(request)
  end
  local a = submit { method = "GET", headers = { "X-A: 1" }, credential = credential }
  local b = submit { method = "POST", body = "text", into = core.buffer() }
  local c = submit { method = "GET", url = url .. "hang" }
  if c then c:cancel() end
  if a then finish(a, kind == "http_pool") end
  if b then finish(b, kind == "http_pool") end
  submit { method = "GET", url = url .. "hang", into = core.buffer() }
end
return good
