-- The provider tables are checked like a program: no key that nothing reads, no limit forgotten.

local providers = {
  sendcloud = require "sendcloud.provider.sendcloud",
  engagelab = require "sendcloud.provider.engagelab",
}

local function set(text)
  local names = {}
  for name in text:gmatch "%S+" do names[name] = true end
  return names
end

local PROVIDER_KEYS = set [[ name base_url regions scheme content_type error hints ids where_values
  operations unsupported ]]
local ROW_KEYS = set [[ method path id class query body fixed where computed chunk answer summary
  page pick result made otherwise record echo counts zero done fallback_path ]]
local NODE_KEYS = set [[ type name wire required nullable empty default write read mark refuse min
  max forbid of values what open reserved ]]
local TYPES = set "record list map string integer number boolean any"
local CLASSES = set "read convergent additive"
local KINDS = set [[ config invalid auth not_found conflict rate_limited rejected server timeout
  network tls protocol cancelled unsupported closed ]]

local function check_node(node, path)
  assert.truthy(TYPES[node.type], path .. " has no type")
  for key in pairs(node) do
    assert.truthy(type(key) == "number" or NODE_KEYS[key], path .. " has the key " .. tostring(key))
  end
  local names, wires = {}, {}
  for index, field in ipairs(node) do
    local at = path .. "." .. tostring(field.name or index)
    assert.equal("record", node.type, path)
    assert.truthy(field.name, at .. " has no name")
    assert.is_nil(names[field.name], at .. " is there twice")
    names[field.name] = true
    local wire = field.wire or field.name
    for _, word in ipairs(type(wire) == "table" and wire or { wire }) do
      assert.is_nil(wires[word], at .. " reads the key of another field")
      wires[word] = true
    end
    assert.truthy(field.name:find("^[a-z_]+$"), at .. " is not snake_case")
    check_node(field, at)
  end
  if node.type == "list" then check_node(assert(node.of, path .. " has no of"), path .. "[]") end
end

local function fields(node)
  local names = {}
  for _, field in ipairs(node or {}) do names[field.name] = field end
  return names
end

local function field(provider, operation, place, name)
  local found = fields(providers[provider].operations[operation][place])[name]
  return assert(found, operation .. " has no " .. name)
end

for name, provider in pairs(providers) do
  describe("the provider " .. name, function()
    it("has the keys that README.md describes, and no others", function()
      assert.equal(name, provider.name)
      for key in pairs(provider) do assert.truthy(PROVIDER_KEYS[key], key) end
      for operation, row in pairs(provider.operations) do
        for key in pairs(row) do assert.truthy(ROW_KEYS[key], operation .. ": " .. key) end
      end
      local readme = assert(io.open("lua/sendcloud/provider/README.md")):read "*a"
      for _, keys in ipairs { PROVIDER_KEYS, ROW_KEYS } do
        for key in pairs(keys) do
          assert.truthy(readme:find("`" .. key .. "`", 1, true), key .. " is not described")
        end
      end
    end)

    it("lives behind TLS", function()
      assert.truthy(provider.base_url:find "^https://[%w%.%-]+$")
      for _, url in pairs(provider.regions or {}) do
        assert.truthy(url:find "^https://[%w%.%-]+$")
      end
    end)

    it("has rows that fit together", function()
      for operation, row in pairs(provider.operations) do
        assert.truthy(CLASSES[row.class], operation)
        assert.truthy(row.path:find "^/[%w/_{}%-]+$", operation)
        assert.equal(row.path:find("{id}", 1, true) ~= nil, row.id ~= nil, operation)
        assert.truthy(row.id == nil or provider.ids[row.id], operation)
        assert.equal(row.class == "read", row.method == "GET" or row.query ~= nil
          and row.body ~= nil, operation)
        if row.page then
          assert.truthy(fields(row.answer).list and fields(row.answer).total, operation)
          assert.truthy(fields(row.query).offset and fields(row.query).count, operation)
        end
        if row.where then assert.truthy(fields(row.body).where, operation) end
        if row.pick then assert.is_true(fields(row.answer)[row.pick].required, operation) end
        for parameter in pairs(row.computed or {}) do
          assert.truthy(fields(row.body)[parameter], operation)
        end
        for count, list in pairs(row.counts or {}) do
          assert.truthy(fields(row.answer)[count] and fields(row.answer)[list], operation)
          assert.truthy(fields(row.summary)[count], operation)
        end
        for _, kind in ipairs { row.zero or "server", row.done or "server" } do
          assert.truthy(KINDS[kind], operation)
        end
      end
      for _, kind in pairs(provider.error.kinds) do assert.truthy(KINDS[kind]) end
      for kind in pairs(provider.hints) do assert.truthy(KINDS[kind]) end
    end)

    it("has nodes that are well made", function()
      check_node(provider.error.shape, "error")
      for kind, node in pairs(provider.ids) do check_node(node, kind) end
      for operation, row in pairs(provider.operations) do
        for _, part in ipairs { "query", "body", "answer", "summary" } do
          if row[part] then check_node(row[part], operation .. " " .. part) end
        end
        for _, other in ipairs(row.otherwise or {}) do check_node(other.answer, operation) end
      end
    end)

    it("never lets a path's word be an id", function()
      for operation, row in pairs(provider.operations) do
        local group = row.path:match "/(%a+)/[^/]+"
        local word = row.path:match "/([%a%-]+)$"
        local node = provider.ids[(group or ""):gsub("s$", "")]
        local twin = row.path:match "^(.*/)[^/]+$"
        for _, other in pairs(provider.operations) do
          if node and word and other.path == twin .. "{id}" then
            local reserved = table.concat(node.reserved, " ")
            assert.truthy(reserved:find(word, 1, true), operation)
          end
        end
      end
      for _, node in pairs(provider.ids) do
        for _, byte in ipairs { "/", "?", "#", "%", "\\", "\0", "\n", "\31", "\127" } do
          assert.truthy(node.forbid:find(byte, 1, true))
        end
      end
    end)

    it("says which document is missing where it has no operation", function()
      for _, group in ipairs { "members", "tags", "segments" } do
        local some = false
        for operation in pairs(provider.operations) do
          some = some or operation:find("^" .. group) ~= nil
        end
        assert.equal(not some, provider.unsupported[group] ~= nil)
        if not some then
          assert.truthy(provider.unsupported[group]:find("marketing/" .. group, 1, true))
        end
      end
    end)
  end)
end

describe("the two dialects", function()
  local sendcloud, engagelab = providers.sendcloud.operations, providers.engagelab.operations

  it("have 27 operations", function()
    local names = { {}, {} }
    for name in pairs(sendcloud) do names[1][#names[1] + 1] = name end
    for name in pairs(engagelab) do names[2][#names[2] + 1] = name end
    assert.equal(21, #names[1])
    assert.equal(6, #names[2])
  end)

  it("take the same parameters under the same limits", function()
    local function compare(left, right, path)
      assert.equal(left.type, right.type, path)
      for _, key in ipairs { "required", "nullable", "default", "min", "max" } do
        assert.equal(left[key], right[key], path .. " " .. key)
      end
      for name in pairs(left.values or {}) do assert.truthy(right.values[name], path) end
      local known = fields(right)
      for _, part in ipairs(left) do
        -- Campaigns are of segments, which only one of them describes.
        if part.name ~= "campaign" then
          compare(part, assert(known[part.name], path .. part.name), path .. "." .. part.name)
        end
      end
      if left.of then compare(left.of, right.of, path .. "[]") end
    end
    for name, row in pairs(engagelab) do
      for _, part in ipairs { "query", "body" } do
        assert.equal(sendcloud[name][part] ~= nil, row[part] ~= nil, name)
        if row[part] then compare(sendcloud[name][part], row[part], name) end
      end
      assert.equal(sendcloud[name].class, row.class)
    end
  end)

  it("give members of the same fields", function()
    local there = fields(sendcloud["members.get"].answer)
    local here = fields(fields(engagelab["members.get"].answer).member)
    for name in pairs(here) do assert.truthy(there[name], name) end
    for name in pairs(there) do
      assert.truthy(here[name] or name:find "_fmt$", name)
    end
  end)
end)

describe("the documents' limits", function()
  it("of lists and pages", function()
    for name in pairs(providers) do
      local members = field(name, "members.upsert", "body", "members")
      assert.same({ 1, 1000 }, { members.min, members.max })
      local count = field(name, "members.list", "query", "count")
      assert.same({ 1, 100, 10 }, { count.min, count.max, count.default })
      local offset = field(name, "members.list", "query", "offset")
      assert.same({ 0, 0 }, { offset.min, offset.default })
      local items = fields(field(name, "members.list", "body", "where")).items
      assert.same({ 1, 10 }, { items.min, items.max })
    end
    for _, operation in ipairs { "tags.add", "tags.remove", "segments.remove_members" } do
      local ids = field("sendcloud", operation, "body", "member_ids")
      assert.same({ 1, 1000 }, { ids.min, ids.max })
      assert.same({ "member_ids", 1000 }, providers.sendcloud.operations[operation].chunk)
    end
  end)

  it("of names", function()
    for _, operation in ipairs { "tags.create", "tags.update" } do
      local name = field("sendcloud", operation, "body", "name")
      assert.same({ 1, 64, true }, { name.min, name.max, name.required })
    end
    for _, operation in ipairs { "segments.create", "segments.update" } do
      local name = field("sendcloud", operation, "body", "name")
      assert.same({ 1, 48 }, { name.min, name.max })
      for byte in ("^?+.*\\[]()"):gmatch "." do
        assert.truthy(name.forbid:find(byte, 1, true))
      end
      assert.equal(10, #name.forbid)
    end
  end)

  it("of what can be sent", function()
    for name in pairs(providers) do
      local mode = field(name, "members.upsert", "body", "tag_mode")
      assert.same({ replace = 0, append = 1, keep = 2 }, mode.values)
      assert.equal("append", mode.default)
      local known = fields(field(name, "members.upsert", "body", "members").of)
      assert.is_true(known.email.required)
      assert.is_nil(fields(providers[name].operations["members.update"].body).email)
      assert.truthy(providers[name].operations["members.update"].fixed.email)
    end
    local segment = fields(providers.sendcloud.operations["segments.get"].answer)
    assert.same({ failed = "-1", updating = "1", ready = "2" }, segment.status.values)
    assert.same({ field = 0, campaign = 1 }, segment.type.values)
    assert.same({
      sent = "sent", opened = "open", clicked = "click",
      not_opened = "unopen", not_clicked = "unclick", not_sent = "notsent",
    }, providers.sendcloud.where_values)
  end)

  it("of conditions", function()
    local rows = providers.sendcloud.operations
    for _, operation in ipairs { "members.list", "members.delete_where" } do
      assert.is_true(rows[operation].where.exists)
      assert.is_nil(rows[operation].where.campaign)
      assert.same(rows[operation].where, providers.engagelab.operations[operation].where)
    end
    for _, operation in ipairs { "segments.create", "segments.update", "segments.members" } do
      assert.is_nil(rows[operation].where.exists)
      assert.equal(operation ~= "segments.members", rows[operation].where.campaign ~= nil)
    end
  end)
end)
