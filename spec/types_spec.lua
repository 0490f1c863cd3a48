-- types.d.lua describes what the provider tables give, and nothing twice.

local sendcloud = require "sendcloud.provider.sendcloud"


local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local types = read "lua/sendcloud/types.d.lua"

-- The fields and methods of one class.
local function class(name)
  local block = types:match("%-%-%-@class sendcloud%." .. name .. "%f[^%w](.-)\n\n")
  assert(block, name .. " is not described")
  local fields, methods = {}, {}
  for field in block:gmatch "\n%-%-%-@field ([%w_]+)" do fields[field] = true end
  for method in types:gmatch("\nfunction " .. name .. ":([%w_]+)") do methods[method] = true end
  return fields, methods
end

local function names(node)
  local known = {}
  for _, field in ipairs(node) do known[field.name] = true end
  return known
end

local function sources()
  local pipe = io.popen "find lua -name '*.lua'"
  local paths = {}
  for path in pipe:lines() do paths[#paths + 1] = path end
  pipe:close()
  return paths
end

describe("types.d.lua", function()
  it("has the fields of each record", function()
    local rows = sendcloud.operations
    local member, tag = names(rows["members.get"].answer), names(rows["tags.update"].answer)
    local segment = names(rows["segments.get"].answer)
    segment.where = true -- worked out from relation and conditions
    assert.same(member, (class "Member"))
    assert.same(tag, (class "Tag"))
    assert.same(segment, (class "Segment"))
    assert.same(names(rows["segments.progress"].answer), (class "SegmentProgress"))
    assert.same(names(rows["members.upsert"].answer), (class "UpsertReport"))
  end)

  it("has the methods of each record", function()
    local support = dofile "spec/contract/support.lua"
    local function record(body, get)
      local client = support.client("sendcloud", support.json(200, body))
      return assert(get(client))
    end
    local records = {
      Member = record('{"id":"1"}', function(c) return c.members:get("1") end),
      Tag = record('{"id":"1"}', function(c) return c.tags:update("1", { name = "x" }) end),
      Segment = record('{"segmentId":"1"}', function(c) return c.segments:get("1") end),
      MemberPage = record('{"list":[]}', function(c) return c.members:list() end),
    }
    for name, value in pairs(records) do
      local _, methods = class(name)
      assert.truthy(next(methods), name)
      for method in pairs(methods) do
        assert.is_function(value[method], name .. ":" .. method)
      end
    end
  end)

  it("describes every type that is named, once", function()
    local described, used = {}, {}
    for _, path in ipairs(sources()) do
      local text = read(path)
      for _, kind in ipairs { "class", "alias" } do
        for name in text:gmatch("%-%-%-@" .. kind .. " sendcloud%.([%w_]+)") do
          assert.is_nil(described[name], name .. " is described in " .. path .. " and in "
            .. tostring(described[name]))
          described[name] = path
        end
      end
      for line in text:gmatch "%-%-%-@%a[^\n]*" do
        -- Types begin with a capital; `sendcloud.time` is a function.
        for name in line:gmatch "sendcloud%.(%u[%w_]*)" do used[name] = path end
      end
    end
    for name, path in pairs(used) do
      assert.truthy(described[name], path .. " names sendcloud." .. name)
    end
  end)
end)
