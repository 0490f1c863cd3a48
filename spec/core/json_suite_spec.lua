-- JSONTestSuite: what must be read, what must be refused, and what must at least do no harm.

local core = require "sendcloud.core"

local FOLDER = "spec/data/json/"
local any = core.shape { type = "any" }
-- The same texts where nothing is kept: an unknown key's value is checked while it is skipped.
local nothing = core.shape { type = "record" }

local function names()
  local pipe = assert(io.popen("ls " .. FOLDER))
  local list = {}
  for line in pipe:lines() do
    if line:find("%.json$") then list[#list + 1] = line end
  end
  pipe:close()
  return list
end

local function read(name)
  local file = assert(io.open(FOLDER .. name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

describe("JSONTestSuite", function()
  local cases = names()

  it("is all there", function()
    assert(#cases >= 318, #cases)
  end)

  for _, name in ipairs(cases) do
    local kind = name:sub(1, 1)
    it(name, function()
      local text = read(name)
      local value, path, reason = any:read(text)
      local skipped, _, skip_reason = nothing:read('{"x":' .. text .. "}")
      if kind == "y" then
        assert(reason == nil, reason)
        assert(skip_reason == nil, skip_reason)
        local again = assert(any:write(value))
        assert.same(value, (any:read(again)))
      elseif kind == "n" then
        assert.is_nil(value)
        assert.equal("string", type(path))
        assert(reason:find("at byte %d+ of the JSON$"), reason)
        assert.is_nil(skipped)
      else
        assert(value ~= nil or type(reason) == "string")
        assert(skipped ~= nil or type(skip_reason) == "string")
      end
    end)
  end
end)
