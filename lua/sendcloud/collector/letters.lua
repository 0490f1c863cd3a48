--- Dead letters: the contacts that the service refused, one JSON object a line.
--
-- They stand there for good before they are answered for. A kill in between writes some of
-- them twice; none is missing.

local core = require "sendcloud.core"

local letters = {}

local shape

-- What of a text can be shown in JSON.
local function clean(text)
  if core.utf8_length(text) then return text end
  return (text:gsub("[\128-\255]", "?"))
end

local function line(letter, now)
  shape = shape or core.shape {
    type = "record",
    { name = "time", type = "integer" }, { name = "reason", type = "string" },
    { name = "contact", type = "any" }, { name = "text", type = "string" },
  }
  return assert(shape:write {
    time = now, reason = clean(letter.reason), contact = letter.item.contact,
    text = letter.item.text and clean(letter.item.text),
  })
end

--- Adds letters to a file that only its owner can read.
---@param path string
---@param list { item: sendcloud.BacklogItem, reason: string }[]
---@return true|nil
---@return string? reason
function letters.add(path, list)
  if #list == 0 then return true end
  local lines, now = {}, math.floor(core.time())
  for index, letter in ipairs(list) do lines[index] = line(letter, now) .. "\n" end
  local ok, reason = core.add_lines(path, table.concat(lines))
  return ok, ok == nil and ("%s: %s"):format(path, reason) or nil
end

return letters
