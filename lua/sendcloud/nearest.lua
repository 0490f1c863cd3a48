--- The known name nearest to a misspelt one, for messages.

local nearest = {}

local FURTHEST = 3 -- more typing errors than this is another word

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
  if best and best_distance <= FURTHEST and best_distance < math.max(#best, #name) then
    return best
  end
  return nil
end

--- `unknown`, or `unknown, did you mean "email"?`
---@param name any
---@param known table
---@return string
function nearest.unknown(name, known)
  local guess = nearest.name(name, known)
  return guess and ('unknown, did you mean "%s"?'):format(guess) or "unknown"
end

return nearest
