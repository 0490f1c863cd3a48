-- Every public function carries LuaCATS: a sentence, and its parameters.

local tree = require "spec.house.tree"

-- What scripts see: here methods of classes count too, and each parameter has its line. In the
-- other files a function of the module has a sentence.
local SEEN = {}
for name in ([[init client errors condition members tags segments pages time sandbox collector]])
  :gmatch("%a+")
do
  SEEN["lua/sendcloud/" .. name .. ".lua"] = true
end

-- Functions of the module's table or of a class that LuaCATS knows, with the comment above.
local function public_functions(path)
  local found, block = {}, {}
  local text = tree.read(path)
  local module = text:match("\nreturn ([%w_]+)%s*$")
  local function is_public(name)
    local owner = name:match("^([%w_]+)[.:][^_]")
    return owner and (owner == module or SEEN[path]
      and text:find("%-%-%-@class [^\n]*\n[^\n]*%f[%w_]" .. owner .. "%f[^%w_]"))
  end
  for number, line in tree.lines(text) do
    local comment = line:match("^%-%-(.*)")
    if comment then
      block[#block + 1] = comment
    else
      local name, parameters = line:match("^function ([%w_.:]+)%((.-)%)")
      if name and is_public(name) then
        found[#found + 1] = { name = name, parameters = parameters, line = number,
          comment = "\n" .. table.concat(block, "\n") .. "\n" }
      end
      block = {}
    end
  end
  return found
end

local function complaints(path)
  local wrong = {}
  local function say(entry, what)
    wrong[#wrong + 1] = ("%s:%d: %s: %s"):format(path, entry.line, entry.name, what)
  end
  for _, entry in ipairs(public_functions(path)) do
    if not entry.comment:find("\n%-%s*[^@%s-]") then
      say(entry, "no sentence")
    end
    for parameter in (SEEN[path] and entry.parameters or ""):gmatch("[^,%s]+") do
      local plain = parameter:gsub("%.", "%%.")
      if not parameter:find("^_") and not entry.comment:find("\n%-%s*@param%s+" .. plain .. "[%s?]") then
        say(entry, "no @param " .. parameter)
      end
    end
  end
  return table.concat(wrong, "\n")
end

describe("LuaCATS", function()
  for _, path in ipairs(tree.find("lua/sendcloud -name '*.lua' ! -name '*.d.lua'")) do
    it("is complete in " .. path, function()
      assert.equal("", complaints(path))
    end)
  end

  it("describes records in types.d.lua", function()
    local types = tree.read("lua/sendcloud/types.d.lua")
    for _, class in ipairs { "Member", "Tag", "Segment", "Page", "Error" } do
      assert(types:find("@class sendcloud." .. class .. "%f[%W]"), class)
    end
    local providers = dofile("lua/sendcloud/provider/sendcloud.lua")
    local fields = providers.operations["members.get"].answer
    for _, field in ipairs(fields) do
      assert(types:find("@field " .. field.name .. "%f[%W]"), field.name)
    end
  end)
end)
