-- What the specs of the sandbox share: boxes that are always stopped, curl, raw sockets, child
-- processes of the same Lua.

local sandbox = require "sendcloud.sandbox"

local tools = {}

local open = {}

-- A box that after() stops.
function tools.start(options)
  local box = assert(sandbox.start(options or { seed = 42 }))
  open[#open + 1] = box
  return box
end

function tools.stop_all()
  for i = #open, 1, -1 do
    open[i]:stop()
    open[i] = nil
  end
end

-- Runs programs of the system; a sanitizer that this process was started with is not for them
-- (curl's threads lock each other out under it).
function tools.popen(command)
  return assert(io.popen("unset LD_PRELOAD\n" .. command, "r"))
end

function tools.shell(command)
  local pipe = tools.popen(command .. "\necho \" $?\"")
  local output = pipe:read("*a")
  pipe:close()
  local text, code = output:match("^(.*) (%d+)\n$")
  return text, tonumber(code)
end

function tools.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs curl; gives what came: { code = curl's own, status, headers (lower case), body }.
function tools.curl(...)
  local arguments = {}
  for i, argument in ipairs { ... } do arguments[i] = tools.quote(argument) end
  local text, code = tools.shell("curl -s -i -m 20 --noproxy '*' " .. table.concat(arguments, " "))
  local answer = { code = code, headers = {} }
  text = text:gsub("^HTTP/1.1 100 Continue\r\n\r\n", "")
  local head, body = text:match("^(.-\r\n)\r\n(.*)$")
  if head then
    answer.status = tonumber(head:match("^HTTP/[%d.]+ (%d+)"))
    for name, value in head:gmatch("([^\r\n:]+): ([^\r\n]*)\r\n") do
      answer.headers[name:lower()] = value
    end
    answer.body = body
  end
  return answer
end

-- Sends bytes and reads until the other side closes; nothing is sent after them.
function tools.raw(box, bytes)
  local port = box.url:match(":(%d+)$")
  local file = os.tmpname()
  local handle = assert(io.open(file, "wb"))
  handle:write(bytes)
  handle:close()
  local text = tools.shell(("timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/%s && cat %s >&3; "
    .. "cat <&3' 2>/dev/null"):format(port, file))
  os.remove(file)
  return text
end

-- The program that runs this spec.
function tools.lua()
  return os.getenv("SENDCLOUD_LUA") or (_G.jit and "luajit") or ("lua" .. _VERSION:match("[%d.]+"))
end

function tools.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

-- An in-process request: status, body, headers; or nil and the failure.
function tools.ask(box, method, target, body, headers)
  local lines = headers or { "Authorization: Bearer " .. tools.token(box) }
  local answer, failure, seconds = box.core:handle(method, target, lines, body, 30)
  if not answer then return nil, failure, seconds end
  return answer.status, answer.body, answer.headers, seconds
end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

function tools.base64(text)
  return (text:gsub("..?.?", function(three)
    local a, b, c = three:byte(1, 3)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    local out = {}
    for i = 1, 4 do
      local index = math.floor(bits / 64 ^ (4 - i)) % 64 + 1
      out[i] = i <= #three + 1 and ALPHABET:sub(index, index) or "="
    end
    return table.concat(out)
  end))
end

function tools.token(box)
  return tools.base64(box.api_user .. ":" .. box.api_key)
end

return tools
