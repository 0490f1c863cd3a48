--- Where bulk work writes, and whether two names mean the same place.

local core = require "sendcloud.core"

local place = {}

-- The folder and the last part of a path.
local function split(path)
  local folder, name = path:match("^(.*)/([^/]*)$")
  if not folder then return ".", path end
  return folder == "" and "/" or folder, name
end

local function id_of(target)
  local info = core.file_info(target)
  return info and info.id
end

--- Whether two names lead to one file, which need not be there yet. An open file is a name
--- too.
---@param a string|file*|nil
---@param b string|file*|nil
---@return boolean
function place.same(a, b)
  if a == nil or b == nil then return false end
  local first, second = id_of(a), id_of(b)
  if first or second then return first == second end
  if type(a) ~= "string" or type(b) ~= "string" then return false end
  local a_folder, a_name = split(a)
  local b_folder, b_name = split(b)
  if a_name ~= b_name then return false end
  local folder = id_of(a_folder)
  return a_folder == b_folder or folder ~= nil and folder == id_of(b_folder)
end

--- What is wrong with a value that must be the path of a file; nil where nothing is.
---@param value any
---@return string|nil reason
function place.check(value)
  if type(value) ~= "string" or value == "" or value:find("%z") then
    return "must be the path of a file"
  end
end

--- Whether what stands at a path takes text as it comes, as a pipe, a device or the name of
--- an open file does: no other file can take its place.
---@param path string
---@return boolean
function place.is_stream(path)
  local info = core.file_info(path)
  return info ~= nil and info.kind == "other" or path:find("^/proc/") ~= nil
    or path:find("^/dev/fd/") ~= nil
end

--- A path and what is wrong with it; what io says begins with the path already.
---@param path string
---@param reason any
---@return string
function place.trouble(path, reason)
  local said = tostring(reason)
  if said:sub(1, #path + 1) == path .. ":" then return said end
  return path .. ": " .. said
end

return place
