--- How much of each file of a journal the service has answered for.
--
-- One small file beside them, replaced as a whole, with a checksum. Only the process that
-- sends writes it; all that add read it, to know how full the journal is.

local core = require "sendcloud.core"

local ledger = {}

local TITLE = "sendcloud journal, acknowledged 1\n"
local LONGEST = 4 * 1048576

---@class sendcloud.Acknowledged
---@field offset integer  where the first entry begins that is not answered for
---@field damaged integer bytes before it that belonged to no entry

local function path_of(folder)
  return folder .. "/acknowledged"
end

local function decode(text)
  local body, sum = text:match("^(.*\n)checksum (%x+)\n$")
  if not body or body:sub(1, #TITLE) ~= TITLE or core.digest(body) ~= sum then return nil end
  local found = {}
  for name, offset, damaged in body:gmatch("\n(%S+) (%d+) (%d+)%f[\n]") do
    found[name] = { offset = tonumber(offset), damaged = tonumber(damaged) }
  end
  return found
end

--- Reads it.
---@param folder string
---@return table<string, sendcloud.Acknowledged> by file; empty where there is nothing
---@return string? problem where what is there cannot be used
function ledger.read(folder)
  local path = path_of(folder)
  local file = io.open(path, "rb")
  if not file then return {} end
  local text = file:read(LONGEST)
  file:close()
  local found = decode(text or "")
  if found then return found end
  return {}, path .. ": is torn or was changed"
end

--- Replaces it.
---@param folder string
---@param acknowledged table<string, sendcloud.Acknowledged>
---@return true|nil
---@return string? reason
function ledger.write(folder, acknowledged)
  local lines, path = {}, path_of(folder)
  for name, entry in pairs(acknowledged) do
    lines[#lines + 1] = ("%s %d %d\n"):format(name, entry.offset, entry.damaged)
  end
  table.sort(lines)
  local body = TITLE .. table.concat(lines)
  local text = body .. "checksum " .. core.digest(body) .. "\n"
  local ok, reason = core.replace(path, path .. ".tmp", text, true)
  return ok, ok == nil and path .. ": " .. reason or nil
end

--- Puts one that cannot be used aside, for a person to look at.
---@param folder string
function ledger.set_aside(folder)
  local path = path_of(folder)
  core.replace(path .. ".damaged", path)
end

return ledger
