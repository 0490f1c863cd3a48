--- Two contacts of one address into one: what two upserts after each other would leave.
--
-- A field that the later one has wins, field by field; tags come together as the tag mode
-- says. Where existing members are not updated, the earlier one wins: it would be there.

local merge = {}

local function union(first, second)
  local list, seen = {}, {}
  for _, names in ipairs { first, second } do
    for _, name in ipairs(names) do
      if not seen[name] then list[#list + 1] = name end
      seen[name] = true
    end
  end
  return list
end

-- Later names win. What is no table (a null) stands for the whole.
local function overlay(under, over)
  if type(under) ~= "table" or type(over) ~= "table" then
    if over ~= nil then return over end
    return under
  end
  local fields = {}
  for name, value in pairs(under) do fields[name] = value end
  for name, value in pairs(over) do fields[name] = value end
  return fields
end

local function tags(earlier, later, mode)
  local first, second = earlier.tags, later.tags
  if mode == "append" and type(first) == "table" and type(second) == "table" then
    return union(first, second)
  end
  if mode == "keep" then first, second = second, first end
  if second ~= nil then return second end
  return first
end

--- A contact that does what the two would.
---@param earlier sendcloud.NewMember
---@param later sendcloud.NewMember
---@param options { tag_mode: sendcloud.TagMode, update_existing: boolean }
---@return sendcloud.NewMember
function merge.contacts(earlier, later, options)
  local merged = {}
  for name, value in pairs(earlier) do merged[name] = value end
  if options.update_existing then
    for name, value in pairs(later) do merged[name] = value end
    merged.fields = overlay(earlier.fields, later.fields)
  end
  merged.tags = tags(earlier, later, options.tag_mode)
  return merged
end

return merge
