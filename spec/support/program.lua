-- The program `sendcloud`, run as a shell would, against a sandbox of its own.

local sandbox = require "sendcloud.sandbox"

local LUA = os.getenv("SENDCLOUD_LUA") or "lua5.4"
local PATH = "lua/sendcloud/cli/sendcloud.lua"

local program = {}
program.__index = program

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function take(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  os.remove(path)
  return text
end

--- A sandbox with two members, and what leads the program to it.
function program.start()
  local self = setmetatable({ box = assert(sandbox.start { seed = 42 }) }, program)
  local set = {}
  for name, value in pairs(self.box:environment()) do
    set[#set + 1] = name .. "=" .. quote(value)
  end
  table.sort(set)
  -- What is preloaded for our modules is not for the shell's own programs.
  local preload = os.getenv "LD_PRELOAD"
  if preload then set[#set + 1] = "LD_PRELOAD=" .. quote(preload) end
  self.command = ("env %s %s %s"):format(table.concat(set, " "), LUA, PATH)
  self.client = assert(self.box:client { transport = "sandbox" })
  assert(self.client.members:upsert {
    { email = "li.lei@example.com", name = "李磊", fields = { Age = 31 }, tags = { "vip" } },
    { email = "mei@example.org", name = "Mei, \"M\"\27[31m", fields = { Age = 12 } },
  })
  return self
end

function program:stop()
  self.client:close()
  self.box:stop()
end

--- Runs a shell line in which `sendcloud` is the program; gives standard output, standard
--- error and the exit code.
function program:shell(line)
  local err, into = os.tmpname(), os.tmpname()
  local file = assert(io.open(into, "wb"))
  file:write(("unset LD_PRELOAD\nsendcloud() { %s \"$@\"; }\nPROGRAM=%s\n%s\n"):format(self.command,
    quote(self.command), line))
  file:close()
  local pipe = assert(io.popen(("sh %s 2>%s </dev/null; echo \"exit=$?\""):format(into, err)))
  local out, code = pipe:read("*a"):match("^(.*)exit=(%d+)\n$")
  pipe:close()
  os.remove(into)
  return out, take(err), tonumber(code)
end

--- Runs the program with arguments and what standard input holds.
function program:run(input, ...)
  local words = {}
  for i, word in ipairs { ... } do words[i] = quote(word) end
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(input or "")
  file:close()
  local out, err, code = self:shell(("sendcloud %s <%s"):format(table.concat(words, " "), path))
  os.remove(path)
  return out, err, code
end

--- Standard output of a run that must succeed.
function program:ok(...)
  local out, err, code = self:run(nil, ...)
  if code ~= 0 then error(("exit %d: %s"):format(code, err), 2) end
  return out
end

return program
