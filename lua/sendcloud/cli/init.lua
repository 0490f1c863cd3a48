--- The command line: `sendcloud members list --where 'Age >= 18' --json`.
--
-- Results go to standard output, progress and messages to standard error. The exit code
-- says how it ended; EXIT below is the table.

local sendcloud = require "sendcloud"
local errors = require "sendcloud.errors"

local cli = {}

local OK, OTHER, USAGE, SOME_REFUSED = 0, 1, 2, 6
-- As a shell says it of who is ended by SIGINT or SIGPIPE.
local INTERRUPTED, UNREAD = 130, 141
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
  local key
  if file then
    key, reason = file:read("*l")
    file:close()
    reason = reason or not key and path .. ": is empty"
  end
  if not key then
    return nil, errors.new { kind = "config", message = "api-key-file: " .. tostring(reason) }
  end
  return (key:match("^(.-)%s*$"))
end

local function getenv(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function new_client(options)
  local given = {
    provider = options.provider, region = options.region, base_url = options.base_url,
    api_user = options.api_user, timeout = options.timeout, rate = options.rate,
  }
  if options.api_key_file then
    local err
    given.api_key, err = read_key(options.api_key_file)
    if not given.api_key then return nil, err end
  end
  -- One of the two may come from an option and the other from the environment; where neither
  -- is an option the library reads them all. An address kept for one provider is not used for
  -- the other.
  if given.api_user or given.api_key then
    local provider = getenv "SENDCLOUD_PROVIDER"
    given.api_user = given.api_user or getenv "SENDCLOUD_API_USER"
    given.api_key = given.api_key or getenv "SENDCLOUD_API_KEY"
    given.provider = given.provider or provider
    if not given.region and (not provider or provider == given.provider) then
      given.base_url = given.base_url or getenv "SENDCLOUD_BASE_URL"
    end
  end
  return sendcloud.new(given)
end

local function exit_code(err)
  return type(err) == "table" and EXIT[err.kind] or OTHER
end

-- What was raised: an error object of an iterator, Ctrl-C, a reader that went away.
local function ended_by(problem, options)
  local text = tostring(problem)
  if text == require("sendcloud.cli.output").GONE then return UNREAD end
  if text:find("interrupted!", 1, true) then
    complain(options.checkpoint
      and "interrupted; the same command goes on where " .. options.checkpoint .. " says"
      or "interrupted")
    return INTERRUPTED
  end
  complain(problem)
  return exit_code(problem)
end

local function run(command, options)
  local client, err
  if options.group ~= "sandbox" then
    client, err = new_client(options)
    if not client then
      complain(err)
      return exit_code(err)
    end
  end
  local ran, result, failed = pcall(function()
    local done, problem = command(client, options)
    require("sendcloud.cli.output").flush()
    return done, problem
  end)
  require("sendcloud.cli.bar").clear()
  if client then client:close() end
  if not ran then return ended_by(result, options) end
  if result == nil then complain(failed) end
  if not result then return exit_code(failed) end
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
  local code = OK
  xpcall(function() return chunk((table.unpack or unpack)(rest)) end, function(problem)
    code = exit_code(problem)
    if tostring(problem):find("interrupted!", 1, true) then
      code = INTERRUPTED
      return complain "interrupted"
    end
    -- An error object says what the matter is; of anything else one wants to know where.
    complain(errors.is(problem) and problem or debug.traceback(tostring(problem), 2))
  end)
  return code
end

-- The options of a command line, or nil, what is wrong with it and the usage of the command
-- that it is about.
local function parse(argparse, arguments)
  local parser = require("sendcloud.cli.tree").parser(argparse)
  local wrong, usage
  parser.error = function(command, message)
    wrong, usage = message, command:get_usage()
    error(message, 0)
  end
  local parsed, options = pcall(parser.parse, parser, arguments)
  if parsed then return options end
  return nil, wrong or options, usage or parser:get_usage()
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
  local options, wrong, usage = parse(argparse, arguments)
  if not options then
    complain(wrong)
    io.stderr:write(usage, "\n")
    return USAGE
  end
  local commands = require "sendcloud.cli.commands"
  local command = commands[options.group]
  if options.command then command = command[options.command] end
  return run(command, options)
end

return cli
