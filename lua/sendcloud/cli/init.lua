--- The command line: `sendcloud members list --where 'Age >= 18' --json`.
--
-- Results go to standard output, progress and messages to standard error. The exit code
-- says how it ended; EXIT below is the table.

local sendcloud = require "sendcloud"
local errors = require "sendcloud.errors"

local cli = {}

local OK, OTHER, USAGE, SOME_REFUSED = 0, 1, 2, 6
local INTERRUPTED = 130 -- as a shell says it of Ctrl-C
local EXIT = {
  invalid = USAGE, config = USAGE,
  auth = 3,
  not_found = 4,
  rate_limited = 5, server = 5, timeout = 5, network = 5, tls = 5,
}

local function complain(message)
  io.stderr:write("sendcloud: ", tostring(message), "\n")
end

-- The key is read from a file or from the environment: an argument would show in `ps`.
local function read_key(path)
  local file, reason = io.open(path, "rb")
  if not file then
    return nil, errors.new { kind = "config", message = "api-key-file: " .. reason }
  end
  local key = file:read("*l") or ""
  file:close()
  return (key:match("^(.-)%s*$"))
end

local function new_client(options)
  local key, err
  if options.api_key_file then
    key, err = read_key(options.api_key_file)
    if not key then return nil, err end
  end
  -- One of the two may come from an option and the other from the environment.
  return sendcloud.new {
    provider = options.provider or os.getenv "SENDCLOUD_PROVIDER",
    api_user = options.api_user or os.getenv "SENDCLOUD_API_USER",
    api_key = key or os.getenv "SENDCLOUD_API_KEY",
    base_url = options.base_url or os.getenv "SENDCLOUD_BASE_URL", timeout = options.timeout,
  }
end

local function exit_code(err)
  return type(err) == "table" and EXIT[err.kind] or OTHER
end

-- Runs a command; an iterator that fails raises its error object.
local function run(command, options)
  local client, err
  if command.client then
    client, err = new_client(options)
    if not client then
      complain(err)
      return exit_code(err)
    end
  end
  local ran, result, failed = pcall(command.run, client, options)
  if client then client:close() end
  if not ran then result, failed = nil, result end
  if result == nil then
    if tostring(failed):find("interrupted!", 1, true) then return INTERRUPTED end
    complain(failed)
    return exit_code(failed)
  end
  return result == "refused" and SOME_REFUSED or OK
end

-- `sendcloud run script.lua …`: as the interpreter runs a script, with its traceback.
local function run_script(arguments)
  local chunk, reason = loadfile(arguments[2])
  if not chunk then
    complain(reason)
    return OTHER
  end
  local rest = { [0] = arguments[2], (table.unpack or unpack)(arguments, 3) }
  _G.arg = rest
  local ran = xpcall(function() return chunk((table.unpack or unpack)(rest)) end, function(err)
    complain(debug.traceback(tostring(err), 2))
  end)
  return ran and OK or OTHER
end

--- Runs the command line.
---@param arguments string[]  what stands behind the program's name
---@return integer code  0 ok, 1 other, 2 usage or invalid, 3 auth, 4 not found, 5 network
---  or server, 6 some rows refused
function cli.main(arguments)
  local found, argparse = pcall(require, "argparse")
  if not found then
    complain "the command line needs argparse (Debian: lua-argparse; luarocks install argparse)"
    return OTHER
  end
  if arguments[1] == "run" and arguments[2] and arguments[2]:sub(1, 1) ~= "-" then
    return run_script(arguments)
  end
  local parser = require("sendcloud.cli.tree").parser(argparse)
  local parsed, options = parser:pparse(arguments)
  if not parsed then
    complain(options)
    io.stderr:write(parser:get_usage(), "\n")
    return USAGE
  end
  local commands = require "sendcloud.cli.commands"
  local name = options.group
  if options.command then name = name .. " " .. options.command end
  return run(commands[name], options)
end

return cli
