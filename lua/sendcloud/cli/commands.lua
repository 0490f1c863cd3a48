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
  local ran, reason = pcall(sandbox.serve, { port = options.port, path = options.path,
    seed = options.seed })
  if not ran then error((tostring(reason):gsub("^%S+%.lua:%d+: ", "")), 0) end
  return true
end

return commands
