-- What bad input gets: refused before anything is sent, with the parameter's path and the limit.

local support = dofile("spec/contract/support.lua")
local sendcloud = require "sendcloud"

local where = sendcloud.where
local NAN, INFINITY = 0 / 0, 1 / 0
local BAD_UTF8 = { "\255", "a\192\128", "\237\160\128", "ok\244\144\128\128", "cut \228\184" }

local function repeated(count, make)
  local list = {}
  for index = 1, count do list[index] = make(index) end
  return list
end

local function members(count)
  return repeated(count, function(index) return { email = index .. "@example.com" } end)
end

local function member_with(key, value)
  return { { email = "first@example.com" }, { email = "second@example.com", [key] = value } }
end

local itself = {}
itself.itself = itself
local list_of_itself = { { email = "a@example.com" } }
list_of_itself[2] = list_of_itself
local ten = repeated(10, function(index) return where.Age:eq(index) end)
local eleven = repeated(11, function(index) return where.Age:eq(index) end)
local a, b, c = where.Age:ge(1), where.Age:le(9), where.tag:eq "vip"

-- { operation, parameters, path of the parameter, what the message says }. All go through
-- client:call, so that nothing but the check under test can refuse them.
local BOTH = {
  { "members.upsert", {}, "members", "required" },
  { "members.upsert", { members = {} }, "members", "1" },
  { "members.upsert", { members = members(1001) }, "members", "1000" },
  { "members.upsert", { members = { { name = "x" } } }, "members[1].email", "required" },
  { "members.upsert", { members = { { email = "" } } }, "members[1].email", "1" },
  { "members.upsert", { members = { { email = 12 } } }, "members[1].email", "text" },
  { "members.upsert", { members = { { email = sendcloud.null } } }, "members[1].email", "null" },
  { "members.upsert", { members = { "a@example.com" } }, "members[1]", "" },
  { "members.upsert", { members = "a@example.com" }, "members", "" },
  { "members.upsert", { members = { nil, { email = "a@example.com" } } }, "members", "" },
  { "members.upsert", { members = { { email = "a@example.com" }, x = 1 } }, "members", "" },
  { "members.upsert", { members = member_with("emial", "x") }, "members[2].emial", '"email"' },
  { "members.upsert", { members = member_with("tag", {}) }, "members[2].tag", '"tags"' },
  { "members.upsert", { members = member_with("tags", { "" }) }, "members[2].tags[1]", "1" },
  { "members.upsert", { members = member_with("tags", { ("教"):rep(65) }) },
    "members[2].tags[1]", "64" },
  { "members.upsert", { members = member_with("tags", { a = 1 }) }, "members[2].tags", "" },
  { "members.upsert", { members = member_with("fields", { Age = NAN }) },
    "members[2].fields.Age", "finite" },
  { "members.upsert", { members = member_with("fields", { Age = -INFINITY }) },
    "members[2].fields.Age", "finite" },
  { "members.upsert", { members = member_with("fields", itself) }, "members[2].fields.itself", "" },
  { "members.upsert", { members = member_with("fields", { "x" }) }, "members[2].fields", "" },
  { "members.upsert", { members = list_of_itself }, "members[2]", "" },
  { "members.upsert", { members = members(1), tag_mode = "apend" }, "tag_mode", "append" },
  { "members.upsert", { members = members(1), tag_mode = 3 }, "tag_mode", "" },
  { "members.upsert", { members = members(1), update_existing = "yes" }, "update_existing", "true or false" },
  { "members.upsert", { members = members(1), tagmode = 1 }, "tagmode", '"tag_mode"' },

  { "members.update", { id = "1", email = "new@example.com" }, "email", "cannot be changed" },
  { "members.update", { id = "1", nam = "x" }, "nam", '"name"' },
  { "members.update", { id = "1", fields = { Age = INFINITY } }, "fields.Age", "finite" },
  { "members.update", { id = "1", fields = { Age = { 1 } } }, "fields.Age", "" },
  { "members.update", { id = "1", tags = { itself } }, "tags[1]", "" },
  { "members.update", { name = "x" }, "id", "required" },

  { "members.list", { count = 0 }, "count", "1" },
  { "members.list", { count = 101 }, "count", "100" },
  { "members.list", { count = NAN }, "count", "" },
  { "members.list", { count = INFINITY }, "count", "" },
  { "members.list", { count = 1.5 }, "count", "integer" },
  { "members.list", { count = "10" }, "count", "integer" },
  { "members.list", { offset = -1 }, "offset", "0" },
  { "members.list", { ofset = 1 }, "ofset", '"offset"' },
  { "members.list", { where = where.any(eleven) }, "where.items", "10" },
  { "members.list", { where = a * b + c }, "where", "mixed" },
  { "members.list", { where = (a + b) * c }, "where", "mixed" },
  { "members.list", { where = where.all { a + b, c } }, "where", "mixed" },
  { "members.list", { where = where.campaign(1):opened() }, "where.items[1].field", "segment" },
  { "members.list", { where = {} }, "where.items", "required" },
  { "members.list", { where = { items = {} } }, "where.items", "1" },
  { "members.list", { where = { itms = {} } }, "where.itms", '"items"' },
  { "members.list", { where = { items = { { field = "Age", op = ">==", value = 1 } } } },
    "where.items[1].op", "unknown" },
  { "members.list", { where = where.Age:ge(NAN) }, "where.items[1].value", "finite" },
  { "members.list", { where = where.Age:ge(INFINITY) }, "where.items[1].value", "finite" },
  { "members.list", { where = where.Age:ge(itself) }, "where.items[1].value", "table" },
  { "members.list", { where = itself }, "where.itself", "unknown" },
  { "members.list", { where = where.field(""):eq "x" }, "where.items[1].field", "" },

  { "members.delete_where", {}, "where", "everyone" },
  { "members.delete_where", { where = {} }, "where.items", "required" },
  { "members.delete_where", { where = where.all {} }, "where.items", "1" },
  { "members.delete_where", { where = where.any {} }, "where.items", "1" },
  { "members.delete_where", { where = false }, "where", "condition" },
  { "members.delete_where", { wher = a }, "wher", '"where"' },
  { "members.delete_where", { where = where.campaign(1):opened() }, "where.items[1].field", "segment" },
  { "members.delet", {}, "operation", '"members.delete"' },
}

local SENDCLOUD = {
  { "tags.create", {}, "name", "required" },
  { "tags.create", { name = "" }, "name", "1" },
  { "tags.create", { name = ("x"):rep(65) }, "name", "64" },
  { "tags.create", { name = ("教"):rep(65) }, "name", "64" },
  { "tags.create", { name = 12 }, "name", "text" },
  { "tags.create", { nme = "x" }, "nme", '"name"' },
  { "tags.update", { id = "1", name = ("x"):rep(65) }, "name", "64" },
  { "tags.update", { id = "1" }, "name", "required" },
  { "tags.list", { count = 0 }, "count", "1" },
  { "tags.list", { count = 101 }, "count", "100" },
  { "tags.list", { offset = -1 }, "offset", "0" },
  { "tags.members", { id = "1", count = 101 }, "count", "100" },
  { "tags.members", { id = "1", where = a }, "where", "unknown" },
  { "tags.add", { id = "1", member_ids = {} }, "member_ids", "1" },
  { "tags.add", { id = "1", member_ids = { "2", "" } }, "member_ids[2]", "1" },
  { "tags.add", { id = "1", member_ids = { "2", "a/b" } }, "member_ids[2]", "/" },
  { "tags.add", { id = "1", member_ids = { "a\0b" } }, "member_ids[1]", "0x00" },
  { "tags.add", { id = "1", member_ids = { "a\r\nb" } }, "member_ids[1]", "0x0D" },
  { "tags.remove", { id = "1", member_ids = { [1] = "2", [3] = "4" } }, "member_ids", "" },

  { "segments.create", { where = a }, "name", "required" },
  { "segments.create", { name = "x" }, "where", "required" },
  { "segments.create", { name = "", where = a }, "name", "1" },
  { "segments.create", { name = ("x"):rep(49), where = a }, "name", "48" },
  { "segments.create", { name = ("湖"):rep(49), where = a }, "name", "48" },
  { "segments.create", { name = "x", where = {} }, "where.items", "required" },
  { "segments.create", { name = "x", where = sendcloud.everyone }, "where", "" },
  { "segments.create", { name = "x", where = where.any(eleven) }, "where.items", "10" },
  { "segments.create", { name = "x", where = a + b * c }, "where", "mixed" },
  { "segments.create", { name = "x", where = where.Phone:exists() }, "where.items[1].op", "segment" },
  { "segments.create", { name = "x", where = where.campaign(1):ne "opened" }, "where.items[1].op", "==" },
  { "segments.create", { name = "x", where = where.campaign(1):eq "read" },
    "where.items[1].value", "not_opened" },
  { "segments.create", { name = "x", where = where.campaign(1):sent() * a }, "where.items", "campaign" },
  { "segments.update", { id = "1", name = "x" }, "where", "required" },
  { "segments.update", { id = "1", name = ("x"):rep(49), where = a }, "name", "48" },
  { "segments.update", { id = "1", where = a * where.Phone:exists() }, "where.items[2].op", "segment" },
  { "segments.members", { id = "1", where = where.Phone:exists() }, "where.items[1].op", "segment" },
  { "segments.members", { id = "1", where = where.campaign(1):sent() },
    "where.items[1].field", "segment" },
  { "segments.members", { id = "1", count = 0 }, "count", "1" },
  { "segments.members", { id = "1", offset = -1 }, "offset", "0" },
  { "segments.list", { type = "feld" }, "type", "field" },
  { "segments.list", { count = 101 }, "count", "100" },
  { "segments.remove_members", { id = "1" }, "member_ids", "required" },
  { "segments.remove_members", { id = "1", member_ids = {} }, "member_ids", "1" },
}
for byte in ("^?+.*\\[]()"):gmatch "." do
  SENDCLOUD[#SENDCLOUD + 1] = { "segments.create", { name = "a" .. byte .. "b", where = a }, "name", byte }
  SENDCLOUD[#SENDCLOUD + 1] =
    { "segments.update", { id = "1", name = byte, where = a }, "name", byte }
end

-- Text that is not UTF-8, in every place that takes text.
for _, bytes in ipairs(BAD_UTF8) do
  for _, case in ipairs {
    { "members.upsert", { members = { { email = bytes } } }, "members[1].email", "UTF-8" },
    { "members.upsert", { members = member_with("name", bytes) }, "members[2].name", "UTF-8" },
    { "members.upsert", { members = member_with("tags", { bytes }) }, "members[2].tags[1]", "UTF-8" },
    { "members.update", { id = "1", fields = { x = bytes } }, "fields.x", "UTF-8" },
    { "members.update", { id = "1", phone = bytes }, "phone", "UTF-8" },
    { "members.list", { where = where.Name:eq(bytes) }, "where.items[1].value", "UTF-8" },
    { "members.list", { where = where.field(bytes):eq "x" }, "where.items[1].field", "UTF-8" },
    { "members.get", { id = bytes }, "id", "UTF-8" },
  } do
    BOTH[#BOTH + 1] = case
  end
  SENDCLOUD[#SENDCLOUD + 1] = { "tags.create", { name = bytes }, "name", "UTF-8" }
  SENDCLOUD[#SENDCLOUD + 1] = { "tags.list", { name = bytes }, "name", "UTF-8" }
end

-- Ids: what could be another path, and the words of the path itself.
local IDS = { "", "a/b", "a?b", "a#b", "a%b", "a%2fb", "/", "..", ".", "a\\b", "a\0b", "a\nb", "a\rb",
  "a\31", "\127", "delete", "delete-batch" }
local MEMBER_OPERATIONS = { "members.get", "members.delete", "members.update" }
local TAG_OPERATIONS = { "tags.delete", "tags.update", "tags.add", "tags.remove", "tags.members" }
local SEGMENT_OPERATIONS = { "segments.get", "segments.delete", "segments.update",
  "segments.progress", "segments.members", "segments.remove_members" }
local REST = {
  ["tags.update"] = { name = "x" }, ["tags.add"] = { member_ids = { "1" } },
  ["tags.remove"] = { member_ids = { "1" } }, ["segments.update"] = { where = a },
  ["segments.remove_members"] = { member_ids = { "1" } },
}
local function with_ids(cases, operations, words)
  for _, operation in ipairs(operations) do
    local ids = {}
    for _, id in ipairs(IDS) do ids[#ids + 1] = id end
    for _, id in ipairs(words) do ids[#ids + 1] = id end
    for _, id in ipairs(ids) do
      local parameters = { id = id }
      for key, value in pairs(REST[operation] or {}) do parameters[key] = value end
      cases[#cases + 1] = { operation, parameters, "id", "" }
    end
  end
end
with_ids(BOTH, MEMBER_OPERATIONS, {})
with_ids(SENDCLOUD, TAG_OPERATIONS, { "add", "remove", "members" })
with_ids(SENDCLOUD, SEGMENT_OPERATIONS, { "process", "members" })

local function show(value)
  if type(value) ~= "string" then return tostring(value) end
  return (("%q"):format(value):gsub("[%c\127-\255]", "."))
end

local function check(provider, case, index)
  local operation, parameters, path, said = case[1], case[2], case[3], case[4]
  local label = ("%s %s #%d %s"):format(provider, operation, index, show(parameters.id or path))
  local client, requests = support.client(provider, support.json(200, "{}"))
  local result, err = client:call(operation, parameters)
  assert.is_nil(result, label)
  assert.equal(0, #requests, label)
  assert.equal("invalid", err.kind, label .. ": " .. tostring(err))
  assert.equal(path, err.parameter, label .. ": " .. tostring(err))
  assert.truthy(err.message:find(path, 1, true), label .. ": " .. err.message)
  assert.truthy(err.message:find(said, 1, true), label .. ": " .. err.message)
  assert.is_nil(err.attempts and err.attempts > 0 or nil, label)
end

describe("bad input", function()
  for _, provider in ipairs { "sendcloud", "engagelab" } do
    it("is refused for both: " .. provider, function()
      for index, case in ipairs(BOTH) do check(provider, case, index) end
    end)
  end

  it("is refused for tags and segments", function()
    for index, case in ipairs(SENDCLOUD) do check("sendcloud", case, index) end
  end)

  it("is refused by the methods as well as by name", function()
    local client, requests = support.client("sendcloud", support.json(200, "{}"))
    local cases = {
      { function() return client.members:upsert({ { name = "x" } }) end, "members[1].email" },
      { function() return client.members:upsert({}) end, "members" },
      { function() return client.members:upsert(members(1001)) end, "members" },
      { function() return client.members:upsert(members(1), { tag_mod = "keep" }) end, "tag_mod" },
      { function() return client.members:get("") end, "id" },
      { function() return client.members:get("delete-batch") end, "id" },
      { function() return client.members:delete("delete") end, "id" },
      { function() return client.members:update("a/b", { name = "x" }) end, "id" },
      { function() return client.members:update("1", { email = "x@example.com" }) end, "email" },
      { function() return client.members:delete_where(nil) end, "where" },
      { function() return client.members:delete_where({}) end, "where.items" },
      { function() return client.members:delete_where(where.all {}) end, "where.items" },
      { function() return client.members:list { count = 101 } end, "count" },
      { function() return client.members:list { offset = -1 } end, "offset" },
      { function() return client.tags:create("") end, "name" },
      { function() return client.tags:create(("教"):rep(65)) end, "name" },
      { function() return client.tags:update("1", { name = "" }) end, "name" },
      { function() return client.tags:list { count = 0 } end, "count" },
      { function() return client.tags:delete("a%b") end, "id" },
      { function() return client.tags:add("", { "1" }) end, "id" },
      { function() return client.tags:remove("add", { "1" }) end, "id" },
      { function() return client.segments:create { name = "a.b", where = a } end, "name" },
      { function() return client.segments:create { name = "ab" } end, "where" },
      { function() return client.segments:update("1", { name = "ab" }) end, "where" },
      { function() return client.segments:list { type = "x" } end, "type" },
      { function() return client.segments:get("process/") end, "id" },
    }
    for _, case in ipairs(cases) do
      local result, err = case[1]()
      assert.is_nil(result)
      assert.equal("invalid", err.kind, tostring(err))
      assert.equal(case[2], err.parameter, tostring(err))
    end
    assert.equal(0, #requests)
  end)

  it("is raised by iterators, as an error object", function()
    local client, requests = support.client("sendcloud", support.json(200, "{}"))
    for _, iterate in ipairs {
      function() for _ in client.members:each { page_size = 0 } do error "never" end end,
      function() for _ in client.members:each { page_size = 101 } do error "never" end end,
      function() for _ in client.members:each { where = a * b + c } do error "never" end end,
      function() for _ in client.tags:each_member("a/b") do error "never" end end,
      function() for _ in client.segments:each_member("1", { where = where.Phone:exists() }) do
        error "never"
      end end,
    } do
      local ok, err = pcall(iterate)
      assert.is_false(ok)
      assert.equal("invalid", type(err) == "table" and err.kind or err)
    end
    assert.equal(0, #requests)
  end)

  it("never shows what was in it", function()
    local secret = "13681312919"
    local client = support.client("sendcloud", support.json(200, "{}"))
    for _, parameters in ipairs {
      { members = { { email = "a@example.com", phone = secret .. "\255" } } },
      { members = { { email = "a@example.com", fields = { x = { secret } } } } },
      { members = { { email = "a@example.com", tags = { secret:rep(7) } } } },
      { members = { { email = { secret } } } },
    } do
      local _, err = client:call("members.upsert", parameters)
      assert.equal("invalid", err.kind)
      assert.is_nil(tostring(err):find(secret, 1, true))
    end
  end)
end)

describe("good input at the limits", function()
  local LIST, DONE = '{"list":[],"total":0}', '{"successCount":0}'
  local UPSERT = '{"totalInserted":0,"insertedMembers":[],"totalUpdated":0,"updatedMembers":[]}'
  local cases = {
    { "members.upsert", { members = members(1000) }, UPSERT },
    { "members.upsert", { members = member_with("tags", {}) }, UPSERT },
    { "members.upsert", { members = member_with("tags", { ("教"):rep(64) }) }, UPSERT },
    { "members.list", { count = 1, offset = 0 }, LIST },
    { "members.list", { count = 100, offset = 1000000 }, LIST },
    { "members.list", { count = 10.0 }, LIST },
    { "members.list", { where = where.any(ten) }, LIST },
    { "members.list", { where = where.Phone:exists() }, LIST },
    { "members.list", { where = sendcloud.everyone }, LIST },
    { "members.delete_where", { where = sendcloud.everyone }, DONE },
    { "tags.create", { name = "x" }, '{"id":"1"}' },
    { "tags.create", { name = ("教"):rep(64) }, '{"id":"1"}' },
    { "tags.add", { id = "1", member_ids = repeated(1000, tostring) }, DONE },
    { "segments.create", { name = ("湖"):rep(48), where = a }, '{"segmentId":"1"}' },
    { "segments.create", { name = "x", where = where.campaign(1):opened() }, '{"segmentId":"1"}' },
    { "members.delete", { id = "deleted" }, "" },
    { "members.get", { id = "编号 8" }, '{"id":"8"}' },
  }
  for index, case in ipairs(cases) do
    it(("is sent: %s #%d"):format(case[1], index), function()
      local client, requests = support.client("sendcloud", support.json(200, case[3]))
      local result, err = client:call(case[1], case[2])
      assert(result ~= nil, tostring(err))
      assert.equal(1, #requests)
    end)
  end
end)

describe("a credential or address that cannot be used", function()
  it("is kind config, and is not shown", function()
    local cases = {
      { api_user = "user", api_key = "secret\n" }, { api_user = "user", api_key = "secret\r" },
      { api_user = "user", api_key = "sec\0ret" }, { api_user = "us:er", api_key = "secret" },
      { api_user = "user\n", api_key = "secret" }, { api_user = "user\0", api_key = "secret" },
      { api_user = "", api_key = "secret" }, { api_user = "user", api_key = "" },
      { api_user = "user", api_key = "secret", base_url = "http://example.com" },
      { api_user = "user", api_key = "secret", provider = "sendcluod" },
      { api_user = "user", api_key = "secret", region = "tr" },
      { api_user = "user", api_key = "secret", provider = "engagelab", region = "us" },
      { api_user = "user", api_key = "secret", timeuot = 3 },
    }
    for index, options in ipairs(cases) do
      local client, err = sendcloud.new(options)
      assert.is_nil(client, "case " .. index)
      assert.equal("config", err.kind, "case " .. index)
      for _, secret in ipairs { "secret", "sec\0ret" } do
        assert.is_nil(tostring(err):find(secret, 1, true), tostring(err))
      end
    end
  end)
end)
