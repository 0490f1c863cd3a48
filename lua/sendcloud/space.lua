--- White space around texts from elsewhere.

local space = {}

--- A text without the white space at its ends. It takes time by the length of the text;
--- the usual pattern `^%s*(.-)%s*$` takes it by the square, which a hostile header or
--- cell makes minutes of.
---@param text string
---@return string
function space.trim(text)
  local first = text:find("%S")
  return first and text:match(".*%S", first) or ""
end

return space
