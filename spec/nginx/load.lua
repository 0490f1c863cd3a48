-- Load for an nginx under test, made by another one: many askers at a time over kept connections, and
-- some that leave before the answer. Runs in a location of that other nginx (`load.LOCATION`).

local load = {}

--- A location that makes load: /load?port=P&seconds=S&path=/x&askers=N[&count=N][&pause=S]
--- [&beside=/y&beside_pause=S[&beside_port=P]][&leavers=N]. `beside` is asked by one more, whose times
--- are told apart.
load.LOCATION = [[
    location = /load { content_by_lua_block { ngx.print(require("spec.nginx.load").serve(ngx.req.get_uri_args())) } }
]]

-- The body; or nil, why, true, and whether not a byte came.
local function read_answer(socket)
  local status, length, chunked, last
  while true do
    local line, why = socket:receive "*l"
    if not line then return nil, why, true, status == nil end
    if line == "" then break end
    status = status or line:match "^HTTP/1%.1 (%d+)"
    local name, value = line:match "^([%w-]+): (.*)$"
    name = name and name:lower()
    if name == "content-length" then length = tonumber(value) end
    if name == "transfer-encoding" then chunked = true end
    if name == "connection" and value == "close" then last = true end
  end
  local body = {}
  while chunked do
    local size, why = socket:receive "*l"
    if not size then return nil, why end
    size = tonumber(size, 16)
    if size > 0 then body[#body + 1] = socket:receive(size) end
    if not socket:receive(2) then return nil, "closed" end
    if size == 0 then break end
  end
  if length and length > 0 then body[1] = socket:receive(length) end
  return table.concat(body), nil, last or status ~= "200"
end

local function connect(port)
  local socket = ngx.socket.tcp()
  socket:settimeout(60000)
  return socket:connect("127.0.0.1", port) and socket
end

-- Asks until it is time to stop; what is wrong is counted by its text. A kept connection that nginx
-- closed before it read the request is another's business: the request is made again, as every client
-- of HTTP does (RFC 9112, 9.3.1), and counted apart.
local function asker(run, port, path, pause, times)
  local socket, asked = nil, 0 -- on this connection
  while not run.stop() do
    if not socket then socket, asked = connect(port), 0 end
    if not socket then
      ngx.sleep(0.01)
    else
      local begun = run.now()
      local ok, why = socket:send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n")
      local body, last, nothing
      if ok then body, why, last, nothing = read_answer(socket) end
      if body == "ok" then
        times[#times + 1] = run.now() - begun
      elseif asked > 0 and (not ok or nothing) then
        run.again = run.again + 1
      else
        why = body and "answered: " .. body or tostring(why)
        run.wrong[why] = (run.wrong[why] or 0) + 1
        run.failed = run.failed + 1
      end
      asked = asked + 1
      if not body or last then
        socket:close()
        socket = nil
      end
    end
    if pause then ngx.sleep(pause) end
  end
  if socket then socket:close() end
end

-- Asks and leaves.
local function leaver(run, path, number)
  while not run.stop() do
    local socket = ngx.socket.tcp()
    socket:settimeout(5000)
    if socket:connect("127.0.0.1", run.port) then
      socket:send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n")
      ngx.sleep(0.002 * (number % 16))
      socket:close()
      run.left = run.left + 1
    end
    ngx.sleep(0.02)
  end
end

local function at(times, part)
  if #times == 0 then return 0 end
  return times[math.max(1, math.ceil(#times * part))] * 1000
end

local function summary(name, times)
  table.sort(times)
  return ("%s=%d %s_p50=%.2f %s_p99=%.2f %s_max=%.2f "):format(name, #times, name, at(times, 0.5),
    name, at(times, 0.99), name, at(times, 1))
end

--- Makes the load that the arguments of the location ask for; says what came of it.
function load.serve(args)
  local now = require("sendcloud.core").now
  local count = tonumber(args.count) or math.huge
  local begun, asked = now(), {}
  local ends_at = begun + (tonumber(args.seconds) or math.huge)
  local run = { port = tonumber(args.port), now = now, wrong = {}, failed = 0, left = 0, again = 0 }
  function run.stop() return #asked + run.failed >= count or now() >= ends_at end
  local threads, beside = {}, {}
  for i = 1, tonumber(args.askers) or 0 do
    threads[#threads + 1] = ngx.thread.spawn(asker, run, run.port, args.path,
      tonumber(args.pause), asked)
    if i % 16 == 0 then ngx.sleep(0.001) end
  end
  for i = 1, tonumber(args.leavers) or 0 do
    threads[#threads + 1] = ngx.thread.spawn(leaver, run, args.path, i)
  end
  if args.beside then
    threads[#threads + 1] = ngx.thread.spawn(asker, run, tonumber(args.beside_port) or run.port,
      args.beside, tonumber(args.beside_pause), beside)
  end
  for _, thread in ipairs(threads) do assert(ngx.thread.wait(thread)) end
  local wrong = 0
  local words = {}
  for why, times in pairs(run.wrong) do
    wrong = wrong + times
    words[#words + 1] = ("%d %s"):format(times, why)
  end
  return ("seconds=%.3f %s%sleft=%d again=%d wrong=%d | %s"):format(now() - begun, summary("asked", asked),
    summary("beside", beside), run.left, run.again, wrong, table.concat(words, "; "))
end

--- What `serve` said, as a table; `told` is the text of it.
function load.read(text)
  local found = { told = text }
  for name, value in text:gmatch "([%w_]+)=([%d.]+)" do found[name] = tonumber(value) end
  assert(found.asked, text)
  return found
end

return load
