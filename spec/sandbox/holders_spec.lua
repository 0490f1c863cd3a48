-- Who has which tag is kept in memory beside the store: a random walk of changes, some of them taken
-- back, against a model of a few lines; every way to ask must give the model's answer.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local TAGS = { "red", "green", "blue", "grey" }

local seed

local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local function some_tags()
  local tags = {}
  for _ = 1, random(4) - 1 do tags[#tags + 1] = TAGS[random(#TAGS)] end
  return #tags > 0 and tags or rules.list
end

local function has(list, value)
  for i, v in ipairs(list) do
    if v == value then return i end
  end
end

-- model: address -> tags in order. What an upsert with that flag makes of a contact.
local function upserted(model, email, tags, flag)
  local own = model[email] or {}
  local new = {}
  for _, tag in ipairs(own) do
    if flag ~= 0 or has(tags, tag) then new[#new + 1] = tag end
  end
  for _, tag in ipairs(tags) do
    if flag ~= 2 and not has(new, tag) then new[#new + 1] = tag end
  end
  model[email] = new
end

local function names(model, matches)
  local list = {}
  for email, tags in pairs(model) do
    if matches(tags) then list[#list + 1] = email:match("^[^@]*") end
  end
  table.sort(list)
  return table.concat(list, " ")
end

-- The members of a tag, page by page; newest first, none twice.
local function holders(box, id)
  local list, before = {}, nil
  local total
  repeat
    local _, page = rules.sc(box, "GET", ("tags/%s/members?count=7&offset=%d"):format(id, #list))
    assert(not total or total == page.total)
    total = page.total
    for _, member in ipairs(page.list) do
      assert(not before or member.id < before)
      before = member.id
      list[#list + 1] = member.email:match("^[^@]*")
    end
  until #page.list == 0
  assert.equal(total, #list)
  -- from a place where no page ended
  for offset = 3, #list, 5 do
    local _, page = rules.sc(box, "GET", ("tags/%s/members?count=2&offset=%d"):format(id, offset))
    for i, member in ipairs(page.list) do assert.equal(list[offset + i], member.email:match("^[^@]*")) end
    assert.equal(math.min(2, #list - offset), #page.list)
  end
  table.sort(list)
  return table.concat(list, " ")
end

local function check(box, model)
  local _, answer = rules.sc(box, "GET", "tags?count=100")
  for _, tag in ipairs(answer.list) do
    local expected = names(model, function(tags) return has(tags, tag.tagName) end)
    local _, count = expected:gsub("%S+", "")
    assert.equal(count, tag.count)
    assert.equal(expected, holders(box, tag.id))
    assert.equal(expected, rules.match(box, "and", { "tag", "==", tag.tagName }))
    assert.equal(expected, rules.match(box, "and", { "tag", "==", tag.tagName }, { "Email", "contain", "@" }))
    assert.equal(names(model, function(tags) return not has(tags, tag.tagName) end),
      rules.match(box, "and", { "tag", "!=", tag.tagName }))
  end
  assert.equal(names(model, function(tags) return #tags > 0 end), rules.match(box, "and", { "tag", "exist", "" }))
  assert.equal(names(model, function(tags) return has(tags, "green") or has(tags, "grey") end),
    rules.match(box, "or", { "tag", "contain", "GR" }, { "tag", "==", "grey" }))
  for email, tags in pairs(model) do
    assert.equal(table.concat(tags, " "), table.concat(rules.find(box, email).tagNames, " "))
  end
end

local function tag_id(box, name)
  local _, answer = rules.sc(box, "GET", "tags?tagName=" .. name)
  return answer.list[1] and answer.list[1].id
end

local actions = {
  function(box, model) -- upsert one or three, sometimes refused as a whole
    local members, flag, refused = {}, random(3) - 1, random(5) == 1
    for i = 1, random(3) do
      members[i] = { email = ("m%d@qq.com"):format(random(30)), tags = some_tags() }
    end
    if refused then
      members[#members + 1] = { email = 5 }
      assert.equal(400, (rules.sc(box, "POST", "members", { members = members, tagFlag = flag, updateExisting = true })))
      return
    end
    rules.upsert(box, members, flag)
    for _, m in ipairs(members) do upserted(model, m.email, m.tags, flag) end
  end,
  function(box, model) -- add a tag to a few, or take it away
    local tag, ids, adds = TAGS[random(#TAGS)], {}, random(2) == 1
    local id, chosen = tag_id(box, tag), {}
    for email in pairs(model) do chosen[#chosen + 1] = email end
    table.sort(chosen)
    if not id or #chosen == 0 then return end
    for _ = 1, random(5) do
      local email = chosen[random(#chosen)]
      local own = model[email]
      ids[#ids + 1] = rules.find(box, email).id
      if adds and not has(own, tag) then own[#own + 1] = tag end
      if not adds and has(own, tag) then table.remove(own, has(own, tag)) end
    end
    assert.equal(200, (rules.sc(box, "POST", ("tags/%s/%s"):format(id, adds and "add" or "remove"), { memberIds = ids })))
  end,
  function(box, model) -- delete a contact, rarely a tag
    local member = rules.find(box, ("m%d@qq.com"):format(random(30)))
    if member then
      assert.equal(204, (rules.sc(box, "DELETE", "members/" .. member.id)))
      model[member.email] = nil
    elseif random(6) == 1 then
      local tag = TAGS[random(#TAGS)]
      local id = tag_id(box, tag)
      if not id then return end
      assert.equal(204, (rules.sc(box, "DELETE", "tags/" .. id)))
      for _, own in pairs(model) do
        if has(own, tag) then table.remove(own, has(own, tag)) end
      end
    end
  end,
}

describe("who has which tag", function()
  it("is what was said, whatever came, went and was taken back", function()
    for start = 1, 3 do
      seed = start * 7919
      local box, model = tools.start { seed = start }, {}
      for i = 1, 150 do
        actions[random(#actions)](box, model)
        if i % 10 == 0 then check(box, model) end
      end
      local snapshot = box:snapshot()
      box:reset()
      check(box, {})
      box:restore(snapshot)
      check(box, model)
    end
  end)

  it("is known when a file is opened again", function()
    local path = os.tmpname()
    local box, model = tools.start { seed = 1, path = path }, {}
    seed = 99
    for _ = 1, 60 do actions[random(#actions)](box, model) end
    box:stop()
    box = tools.start { path = path }
    check(box, model)
    for _ = 1, 30 do actions[random(#actions)](box, model) end
    check(box, model)
    for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
  end)

  it("holds for contacts that are tagged in any order and lose it again", function()
    local box = tools.start { seed = 3 }
    local members, ids = {}, {}
    for i = 1, 1000 do members[i] = { email = ("n%d@qq.com"):format(i) } end
    for n = 1, 3 do
      for _, m in ipairs(members) do m.email = n .. m.email end
      for i, m in ipairs(rules.upsert(box, members).insertedMembers) do ids[(n - 1) * 1000 + i] = m.id end
    end
    local _, made = rules.sc(box, "POST", "tags", { tagName = "red" })
    seed = 5
    for i = #ids, 2, -1 do
      local k = random(i)
      ids[i], ids[k] = ids[k], ids[i]
    end
    local function change(how, from, to)
      for first = from, to, 500 do
        local some = {}
        for i = first, first + 499 do some[#some + 1] = ids[i] end
        assert.equal(200, (rules.sc(box, "POST", ("tags/%s/%s"):format(made.id, how), { memberIds = some })))
      end
    end
    local function total()
      local _, page = rules.sc(box, "GET", "tags/" .. made.id .. "/members?count=100&offset=250")
      for i = 2, #page.list do assert(page.list[i].id < page.list[i - 1].id) end
      return page.total
    end
    change("add", 1, 3000)
    change("remove", 501, 2500) -- before anybody asked for an order
    assert.equal(1000, total())
    change("add", 1001, 2000)
    assert.equal(2000, total())
    change("remove", 1, 3000)
    assert.equal(0, total())
    change("add", 1, 500)
    assert.equal(500, total())
  end)
end)
