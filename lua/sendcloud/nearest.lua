--- The known name nearest to a misspelt one, for messages.

local nearest = {}

local FURTHEST = 3      -- more typing errors than this is another word
local MOST_LISTED = 12  -- names that a message can list
local LONGEST = 64      -- bytes of a key that a message shows

-- Edits (insert, delete, replace) that turn a into b.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

--- The name among known that was probably meant.
---@param name any
---@param known table<string, any>|string[] keys of a map, or the values of an array
---@return string|nil
function nearest.name(name, known)
  if type(name) ~= "string" or #name > 64 then return nil end
  local best, best_distance
  for key, value in pairs(known) do
    local candidate = type(key) == "number" and value or key
    local edits = distance(name:lower(), candidate:lower())
    -- Ties are settled by the alphabet, so that a message does not change from run to
    -- run.
    local tie = edits == best_distance and candidate < best
    if not best or edits < best_distance or tie then
      best, best_distance = candidate, edits
    end
  end
  -- A word that is half errors is another word.
  if best and best_distance <= FURTHEST and best_distance * 2 < math.max(#best, #name) then
    return best
  end
  return nil
end

--- A key as a message can show it: anything can be a key.
---@param key any
---@return string
function nearest.shown(key)
  return (tostring(key):sub(1, LONGEST):gsub("%c", "?"))
end

--- `unknown, did you mean "email"?`, or `unknown; known: count, offset` where nothing is
--- near and the known are few.
---@param name any
---@param known table<string, any>|string[] keys of a map, or the values of an array
---@return string
function nearest.unknown(name, known)
  local guess = nearest.name(name, known)
  if guess then return ('unknown, did you mean "%s"?'):format(guess) end
  local names = {}
  for key, value in pairs(known) do
    names[#names + 1] = type(key) == "number" and value or key
  end
  if #names == 0 or #names > MOST_LISTED then return "unknown" end
  table.sort(names)
  return "unknown; known: " .. table.concat(names, ", ")
end

return nearest
