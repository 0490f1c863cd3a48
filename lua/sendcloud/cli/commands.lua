--- What each command does: (client, options) → true; "refused" when some rows were; nil and
--- the error; false and the error where it has been told already.

local commands = {
  members = require "sendcloud.cli.members",
  tags = require "sendcloud.cli.tags",
  segments = require "sendcloud.cli.segments",
  call = require "sendcloud.cli.call",
}

--- The one that needs no client.
commands.sandbox = function(_, options)
  local found, sandbox = pcall(require, "sendcloud.sandbox")
  if not found then
    error("the sandbox is not installed here: luarocks install sendcloud-sandbox", 0)
  end
  local seed = options.seed
  -- A seed makes the clock stand; a server goes with the machine's all the same.
  sandbox.serve { port = options.port, path = options.path, seed = seed,
    clock = seed and "machine" or nil }
  return true
end

return commands
