-- How Lua code in nginx waits for the helper thread: at a socket of its own, as it would
-- wait for any other, so that the worker goes on and a light thread that nginx ends lets go
-- of its job by closing it.

local core = require "sendcloud.core"

local door = {}

local CONNECT = 5000 -- ms, to a socket of this very process
local IDLE = 10000 -- ms that a connection to the thread is kept
local KEPT, SHARE = 64, 1 / 16 -- connections at most, and of all descriptors: each takes two
local FIRST_LOOK, LAST_LOOK = 0.002, 0.05 -- s

local kept -- not known before nginx's configuration was read

local function keep(socket)
  kept = kept or math.max(1, math.min(KEPT, math.floor((core.descriptors() or 1024) * SHARE)))
  socket:setkeepalive(IDLE, kept)
end

--- Connects to the thread.
---@param thread userdata
---@return table|nil socket   nil where nginx has no connection to spare, the system no
---  descriptor, or somebody removed the socket
function door.connect(thread)
  local socket = ngx.socket.tcp()
  return socket:connect("unix:" .. thread:path()) and socket or nil
end

--- The helper thread and a connection to it, which alone may be missing.
---@return userdata|nil thread
---@return table|nil socket
---@return table|nil failure
function door.open()
  local thread, why
  for _ = 1, 2 do
    thread, why = core.http_thread()
    if not thread then return nil, nil, why end
    local socket = door.connect(thread)
    if socket then return thread, socket end
    if not thread:lost() then break end -- else somebody tidied up, and another one starts
  end
  return thread
end

-- Looks now and then whether the job is done: for when nothing can tell.
local function poll(job, seconds)
  local ends_at, pause = core.now() + seconds, FIRST_LOOK
  while not job:done() and core.now() < ends_at do
    ngx.sleep(pause)
    pause = math.min(pause * 1.5, LAST_LOOK)
  end
end

--- Waits until the thread says that the job is done.
---@param socket table|nil
---@param job userdata
---@param seconds number   at most
---@return boolean done
function door.wait(socket, job, seconds)
  local ok, reason
  if socket then
    socket:settimeouts(CONNECT, CONNECT, seconds * 1000)
    ok, reason = socket:send(job:id())
    if ok then ok, reason = socket:receive("*l") end
    if ok and job:done() then
      keep(socket)
      return true
    end
    socket:close()
  end
  if reason ~= "timeout" then poll(job, seconds) end -- the thread had no descriptor to spare
  return job:done()
end

--- Keeps a connection for another time.
---@param socket table|nil
function door.give_back(socket)
  if socket then keep(socket) end
end

return door
