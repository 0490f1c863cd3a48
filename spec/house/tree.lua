-- What the specs in this folder share: the files of the checkout and their text.

local tree = {}

--- Paths (relative to the root, sorted) that `find` answers.
---@param arguments string  of find: folders and tests
---@return string[]
function tree.find(arguments)
  local pipe = assert(io.popen("LC_ALL=C; export LC_ALL; find " .. arguments .. " | sort"))
  local paths = {}
  for path in pipe:lines() do
    paths[#paths + 1] = path
  end
  pipe:close()
  return paths
end

---@param path string
---@return string
function tree.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

---@param path string
function tree.exists(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

--- Walks text line by line: `for number, line in tree.lines(text)`.
---@param text string
function tree.lines(text)
  local number, position = 0, 1
  return function()
    if position > #text then
      return nil
    end
    local stop = text:find("\n", position, true) or #text + 1
    local line = text:sub(position, stop - 1)
    position, number = stop + 1, number + 1
    return number, line
  end
end

return tree
