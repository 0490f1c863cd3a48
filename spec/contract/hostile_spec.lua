-- Whatever a service answers and whatever a script hands over: a call gives a result, or an
-- error object of one line. Only misuse raises, at the caller's line. Drawn from a fixed seed.

local sendcloud = require "sendcloud"

local where = sendcloud.where
local KEY = "Marker-Key-77"

local function dice(seed)
  return function(n)
    seed = seed * 16807 % 2147483647
    return seed % n + 1
  end
end

-- A client whose transport answers as told, on a clock of its own.
local function client_of(provider, answer)
  local now = 0
  return assert(sendcloud.new {
    provider = provider, api_user = "Marker-User-77", api_key = KEY, retry = { attempts = 2 },
    transport = require("sendcloud.transport.function").new(answer, {
      now = function() return now end,
      time = function() return now end,
      wait = function(seconds)
        now = now + seconds
        return 0
      end,
    }),
  })
end

local function check_error(err, what)
  assert.equal("table", type(err), what)
  assert.equal("string", type(err.kind), what)
  assert.equal("string", type(err.message), what)
  assert.is_nil(tostring(err):find("%c"), what)
  assert.is_nil(tostring(err):find(KEY, 1, true), what)
end

-- Answers -------------------------------------------------------------------------------

local WORDS = {}
for word in ([[id segmentId member_id result list total count successCount totalInserted
  insertedMembers totalUpdated updatedMembers errorCount errors created_count created_members
  updated_count error_members status error code message parameter tagName segmentName conditions
  relation type process percent complete statusDesc memberTotal fields tags tagNames tag_ids email
  campaignId fieldName op value userId listId createTime]]):gmatch("%S+") do
  WORDS[#WORDS + 1] = word
end
local SCALARS = { "null", "true", "false", "0", "1", "-1", "1.5", "1e400", '""', '"x"', '"7"', "{}",
  "[]", '"' .. KEY .. '"', '"\\r\\n\\u001b"', "-0" }

local function json(roll, depth)
  if depth > 4 or roll(3) > 1 and depth > 0 then return SCALARS[roll(#SCALARS)] end
  local parts, is_list = {}, depth > 0 and roll(2) == 1
  for index = 1, roll(8) - 1 do
    local value = json(roll, depth + 1)
    parts[index] = is_list and value or ('"%s":%s'):format(WORDS[roll(#WORDS)], value)
  end
  local text = table.concat(parts, ",")
  return is_list and "[" .. text .. "]" or "{" .. text .. "}"
end

local STATUSES = { 200, 200, 200, 201, 204, 302, 400, 401, 404, 429, 500, 503 }
local WAITS = { "0", "soon", "-1", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT" }

local function answers(roll)
  return function()
    local body = json(roll, 0)
    if roll(6) == 1 then body = body:sub(1, roll(#body + 1) - 1) end
    if roll(9) == 1 then body = ("<html>%s"):format(KEY) end
    return { status = STATUSES[roll(#STATUSES)], body = body,
      headers = roll(4) == 1 and { ["Retry-After"] = WAITS[roll(#WAITS)] } or nil }
  end
end

local MANY = {}
for index = 1, 1001 do MANY[index] = "m" .. index end

local CALLS = {
  function(c) return c.members:upsert { { email = "a@b.example" } } end,
  function(c) return c.members:get("1") end,
  function(c) return c.members:update("1", { name = "x" }) end,
  function(c) return c.members:delete("1") end,
  function(c) return c.members:delete_where(where.Age:ge(1)) end,
  function(c)
    local page, err = c.members:list()
    if page then page:next() end
    return page, err
  end,
  function(c) return c.tags:create("x") end,
  function(c) return c.tags:ensure("x") end,
  function(c) return c.tags:update("1", { name = "x" }) end,
  function(c) return c.tags:add("1", MANY) end,
  function(c) return c.tags:members("1") end,
  function(c) return c.segments:create { name = "x", where = where.Age:ge(1) } end,
  function(c)
    local segment, err = c.segments:get("1")
    if segment and segment.where then
      tostring(segment.where)
      c.segments:update("1", { where = segment.where })
    end
    return segment, err
  end,
  function(c) return c.segments:wait("1", { timeout = 3 }) end,
  function(c) return c.segments:list() end,
  function(c) return c:request { path = "/x" } end,
  function(c) return c.members:import { { email = "a@b.example" } } end,
}

describe("any answer", function()
  for seed, provider in ipairs { "sendcloud", "engagelab" } do
    it("of " .. provider .. " is a result or an error", function()
      local roll = dice(seed)
      local client = client_of(provider, answers(roll))
      for index = 1, 4000 do
        local call = roll(#CALLS)
        local result, err = CALLS[call](client)
        if result == nil then check_error(err, ("%d, call %d"):format(index, call)) end
      end
    end)

    it("of " .. provider .. " ends an iteration or raises an error object", function()
      local roll = dice(seed + 10)
      local client = client_of(provider, answers(roll))
      for index = 1, 1000 do
        local ok, err = pcall(function()
          for member in client.members:each { limit = 5, page_size = 1 } do
            assert(type(member.fields) == "table" and type(member.tag_ids) == "table")
          end
        end)
        if not ok then check_error(err, "iteration " .. index) end
      end
    end)
  end
end)

-- Arguments -----------------------------------------------------------------------------

local NAMES = {}
for name in ([[email name phone fields tags where offset count id members tag_mode page_size limit
  cursor prefetch timeout on_progress reconcile deadline path method query body class concurrency
  relation items field op value campaign member_ids type transform batch map]]):gmatch("%S+") do
  NAMES[#NAMES + 1] = name
end

local loop = {}
loop.loop, loop[1] = loop, loop
local function quiet() end
local VALUES = { true, false, 0, 1, -1, 1.5, 0 / 0, math.huge, -math.huge, 2 ^ 53, 1e300, "", "x", "1",
  "a@b.example", "Age >= 18", "\255", "a\0b", ("x"):rep(70), "delete", "a/b", sendcloud.null, quiet,
  loop, where, where.Age, sendcloud.everyone, where.campaign(5):opened() }

local function value(roll, depth)
  local drawn = roll(#VALUES + 6)
  if drawn <= #VALUES then return VALUES[drawn] end
  if drawn == #VALUES + 1 or depth > 2 then return nil end
  local made = {}
  for _ = 1, roll(5) - 1 do
    made[roll(3) == 1 and roll(4) or NAMES[roll(#NAMES)]] = value(roll, depth + 1)
  end
  if drawn == #VALUES + 2 then return where.Age:ge(made.value) end
  if drawn == #VALUES + 3 then return where.all(made.items and {} or { where.Age:ge(made.id) }) end
  return made
end

describe("any argument", function()
  it("is taken, refused with an error, or raised as misuse at the caller's line", function()
    local roll = dice(99)
    local client = client_of("sendcloud", function()
      return { status = 200, body = '{"id":"1","segmentId":"1","list":[{"id":"1"}],"total":1,'
        .. '"successCount":1,"totalInserted":1,"complete":true,"status":"2"}' }
    end)
    local methods = {}
    for _, resource in ipairs { "members", "tags", "segments" } do
      for name in pairs(require("sendcloud." .. resource).class) do
        if name ~= "metatable" and name ~= "export" then
          methods[#methods + 1] = resource .. "." .. name
        end
      end
    end
    for _, name in ipairs { "call", "request", "parallel" } do methods[#methods + 1] = "." .. name end
    table.sort(methods)
    for index = 1, 10000 do
      local resource, name = methods[roll(#methods)]:match("^(%w*)%.([%w_]+)$")
      local object = resource == "" and client or client[resource]
      local first, second, third = value(roll, 0), value(roll, 0), value(roll, 0)
      local what = ("%d, %s.%s"):format(index, resource, name)
      local ok, result, err = pcall(function()
        local result, err = object[name](object, first, second, third)
        if name:find("^each") then result() end
        return result, err
      end)
      if not ok and type(result) == "string" then
        assert.truthy(result:find("hostile_spec.lua:%d+: sendcloud: "), what .. ": " .. result)
      elseif not ok or result == nil and err ~= nil then
        check_error(ok and err or result, what)
      end
    end
  end)
end)
