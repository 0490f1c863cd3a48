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

--- The first circle in a graph, as a text ("a → b → a"), or nil.
---@param edges table<string, string[]>
function tree.circle(edges)
  local state, path = {}, {}
  local function visit(node)
    if state[node] == "done" or not edges[node] then
      return nil
    end
    path[#path + 1] = node
    if state[node] == "open" then
      return table.concat(path, " → ")
    end
    state[node] = "open"
    for _, to in ipairs(edges[node]) do
      local circle = visit(to)
      if circle then
        return circle
      end
    end
    path[#path] = nil
    state[node] = "done"
  end
  local nodes = {}
  for node in pairs(edges) do
    nodes[#nodes + 1] = node
  end
  table.sort(nodes)
  for _, node in ipairs(nodes) do
    local circle = visit(node)
    if circle then
      return circle
    end
  end
end

return tree
