-- Temporary files for specs.

local files = {}

local made = {}

--- A path that nothing stands at; files.clean() removes what was put there.
function files.path(ending)
  local path = os.tmpname()
  os.remove(path)
  path = path .. (ending or "")
  made[#made + 1] = path
  return path
end

--- A file of this text.
function files.write(text, ending)
  local path = files.path(ending)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  file:close()
  return path
end

--- What a file holds, or nil where there is none.
function files.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

--- Removes all that was made, and what stands beside it.
function files.clean()
  for index = #made, 1, -1 do
    for _, ending in ipairs { "", ".tmp", ".part", ".part2", ".ids" } do
      os.remove(made[index] .. ending)
    end
    made[index] = nil
  end
end

return files
