--- Keeps what is private out of messages that quote the service.

local privacy = {}

local HIDDEN = "***"
local SHORTEST = 4   -- bytes; a shorter value would be found in ordinary words
local DEEPEST = 6
local LONGEST = 2000 -- bytes of a message

local function plain_replace(text, what, by)
  local from = 1
  local parts = {}
  while true do
    local first, last = text:find(what, from, true)
    if not first then break end
    parts[#parts + 1] = text:sub(from, first - 1) .. by
    from = last + 1
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts)
end

-- Names of the fields that a condition asks about stay: the message would be of no use
-- without.
local KEPT = {
  field = true, op = true, relation = true, id = true, type = true, tag_mode = true,
}

local function hide_values(text, value, depth)
  if type(value) == "string" then
    if #value >= SHORTEST and text:find(value, 1, true) then
      return plain_replace(text, value, HIDDEN)
    end
  elseif type(value) == "table" and depth < DEEPEST then
    for key, inner in pairs(value) do
      if not KEPT[key] then text = hide_values(text, inner, depth + 1) end
    end
  end
  return text
end

--- Hides the local part of every e-mail address.
---@param text string
---@return string
function privacy.mask_addresses(text)
  local parts, from = {}, 1
  while true do
    local at = text:find("@", from, true)
    if not at then break end
    -- Backwards from the @: a search forwards for what ends in one would take time by the
    -- square of a long text.
    local before = text:sub(from, at - 1)
    local name = before:reverse():match("^[^%s\"'<>()%[%],;:@]+")
    if name then before = before:sub(1, #before - #name) .. HIDDEN end
    parts[#parts + 1] = before .. "@"
    from = at + 1
  end
  parts[#parts + 1] = text:sub(from)
  return table.concat(parts)
end

-- Not more of a message than a person reads, cut between two characters.
local function shorten(text)
  if #text <= LONGEST then return text end
  return (text:sub(1, LONGEST):gsub("[\192-\255]?[\128-\191]*$", "", 1)) .. "…"
end

--- Text of the service as it may be shown: one line, not too long, without secrets,
--- addresses and the values that were sent.
---@param text string
---@param secrets string[]  key, header and what else nobody may see
---@param parameters table? what the call sent
---@return string
function privacy.scrub(text, secrets, parameters)
  for _, secret in ipairs(secrets) do
    if #secret >= SHORTEST then text = plain_replace(text, secret, HIDDEN) end
  end
  if parameters then text = hide_values(text, parameters, 0) end
  return shorten(privacy.mask_addresses(text):gsub("%c+", " "))
end

return privacy
