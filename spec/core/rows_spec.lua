-- csrc/core/rows_*.c: from rows to request bodies, from answers to verdicts.

local core = require "sendcloud.core"
local cjson = require "cjson"

local HEAD, TAIL = '{"list":[', '],"flag":1}'

local function step(use, cell, name, more)
  local made = { use = use, cell = cell, name = name, target = name, max = more }
  made.key = use == "address" and '{"mail":"' or use == "tags" and "" or '"' .. name .. '":"'
  return made
end

-- Rows over a text, with a plan for the columns mail, name, tags (8 characters a name), City.
local function open(text, options)
  options = options or {}
  local rows = core.rows(options)
  rows:feed(text)
  rows:finish()
  rows:sniff(options.separator)
  rows:plan {
    head = HEAD,
    tail = TAIL,
    fields = ',"fields":{',
    tags = ',"tags":[',
    more_tags = options.more_tags,
    steps = {
      step("address", 1, "mail", 60),
      step("text", 2, "name", options.name_max),
      step("field", 4, "City"),
      step("tags", 3, "tags", 8),
    },
  }
  rows:answers {
    inserted = { "ins" },
    updated = { "upd" },
    errors = { "err" },
    inserted_count = { "n_ins" },
    updated_count = { "n_upd" },
    address = { "mail" },
    message = { "why", "message" },
    unlisted_taken = options.unlisted_taken,
  }
  return rows
end

local function fill(rows)
  local batch, body = core.batch(), core.buffer()
  batch:begin(rows, body)
  local status = batch:fill(rows, body)
  batch:close(rows, body)
  return batch, body, status
end

local function members(body)
  return cjson.decode(tostring(body)).list
end

local function rejects(rows, batch, body)
  local out = core.buffer()
  batch:settle()
  batch:rejects(rows, body, out)
  return tostring(out)
end

local function answer(rows, batch, body, value)
  local text = type(value) == "string" and value or cjson.encode(value)
  return batch:answer(rows, body, text, 1, batch:info().sent)
end

describe("rows", function()
  it("become member objects", function()
    local rows = open 'a@x,Ann,"vip; new;;",Rome\nb@x,,,\n  c@x ,"C ""c"" \\",x,"1\n2"\n'
    local _, body, status = fill(rows)
    assert.are.equal("end", status)
    assert.are.equal(
      HEAD
        .. '{"mail":"a@x","name":"Ann","fields":{"City":"Rome"},"tags":["vip","new"]},'
        .. '{"mail":"b@x","tags":[]},'
        .. '{"mail":"c@x","name":"C \\"c\\" \\\\","fields":{"City":"1\\n2"},"tags":["x"]}'
        .. TAIL,
      tostring(body)
    )
  end)

  it("get tags of their own and the ones for all", function()
    local _, body = fill(open("a@x,,vip,\nb@x\n", { more_tags = '"m","n",' }))
    local list = members(body)
    assert.are.same({ "vip", "m", "n" }, list[1].tags)
    assert.are.same({ "m", "n" }, list[2].tags)
  end)

  it("may be short, long or empty", function()
    local text = "a@x\n\n,,,\n\"\",\"\"\nb@x,B,,Rome,more,cells\n   \nc@x"
    local batch, body = fill(open(text, { separator = "," }))
    local list = members(body)
    assert.are.equal(3, #list)
    assert.are.equal(3, batch:info().rows)
    assert.are.equal("Rome", list[2].fields.City)
    assert.are.equal("c@x", list[3].mail)
  end)

  it("lose spaces of every kind around the address", function()
    local _, body = fill(open "\194\160 \227\128\128a@x\t\226\128\139,n\n")
    assert.are.equal("a@x", members(body)[1].mail)
  end)

  it("are refused for a reason, and can be mended", function()
    local text = "a@x,A,,\n,nobody,,\nno at,B,,\nb@x,B\255,,\nc@x,\"N\0\",,\nd@x,D,123456789,\n"
      .. 'e@x,"open,,\n'
    local rows = open(text)
    local batch, body = fill(rows)
    assert.are.equal(1, batch:info().sent)
    assert.are.equal(6, batch:info().refused)
    assert.are.equal(
      "2,,no address,,nobody,,\n"
        .. "3,no at,the address has no @,no at,B,,\n"
        .. "4,b@x,name: bytes that are not UTF-8,b@x,B\255,,\n"
        .. '5,c@x,a NUL byte,c@x,"N\0",,\n'
        .. '6,d@x,"tags: a tag has at most 8 characters, got 9",d@x,D,123456789,\n'
        .. '7,,a quote is opened and never closed,"e@x,""open,,"\n',
      rejects(rows, batch, body)
    )
  end)

  it("count characters, not bytes", function()
    local rows = open("a@x,教育教育,,\nb@x,教育教育教,,\n", { name_max = 4 })
    local batch, body = fill(rows)
    assert.are.equal(1, #members(body))
    assert.are.equal(
      '2,b@x,"name: at most 4 characters, got 5","b@x",教育教育教,,\n',
      (rejects(rows, batch, body):gsub(",b@x,教", ',"b@x",教'))
    )
  end)

  it("fill one batch after the other", function()
    local text = {}
    for i = 1, 25 do
      text[i] = ("user%d@x,n\n"):format(i)
    end
    local rows = open(table.concat(text), { batch = 10, live = 4 })
    local seen = {}
    repeat
      local batch, body, status = fill(rows)
      for _, member in ipairs(members(body)) do
        seen[#seen + 1] = member.mail
      end
      local info = batch:info()
      assert.are.equal(#seen, info.end_line - 1)
      assert.are.equal(#table.concat(text, "", 1, #seen), info.end_offset)
    until status == "end"
    assert.are.equal(25, #seen)
    assert.are.equal("user25@x", seen[25])
  end)

  it("end a batch at its cap of bytes", function()
    local rows = open(("a@x,n\nb@x,n\n"):rep(10), { batch_bytes = 60, live = 30 })
    local _, body, status = fill(rows)
    assert.are.equal("full", status)
    assert.is_true(#body < 160)
  end)

  it("stop at the limit", function()
    local rows = open "a@x\nb@x\nc@x\n"
    rows:limit(2)
    local batch, _, status = fill(rows)
    assert.are.equal("end", status)
    assert.are.equal(2, batch:info().rows)
  end)

  describe("with one address", function()
    it("fold into the last one", function()
      local rows = open "a@x,1\nb@x,2\nA@X,3\nc@x,4\na@X,5\n"
      local batch, body = fill(rows)
      local list = members(body)
      assert.are.equal(3, #list)
      assert.are.same({ "b@x", "c@x", "a@X" }, { list[1].mail, list[2].mail, list[3].mail })
      assert.are.equal(2, batch:info().folded)
      answer(rows, batch, body, { ins = { {}, {}, {} } })
      assert.are.same(
        { rows = 5, inserted = 3, updated = 2, rejected = 0, unknown = 0, folded = 2,
          open = 0 },
        batch:settle()
      )
    end)

    it("are all refused when the one that was sent is", function()
      local rows = open "a@x,1\nb@x,2\nA@x,3\n"
      local batch, body = fill(rows)
      answer(rows, batch, body, { ins = { {} }, err = { { mail = "a@x", why = "no" } } })
      assert.are.equal("1,A@x,no,a@x,1\n3,A@x,no,A@x,3\n", rejects(rows, batch, body))
    end)

    it("block a batch while another one holds it", function()
      local rows = open("a@x\nb@x\nA@x\nc@x\nd@x\nc@x\n", { batch = 2, live = 3 })
      local first = fill(rows)
      local second = fill(rows)
      assert.is_nil(first:blockers())
      assert.are.same({ 0 }, second:blockers())
      first:release(rows)
      local third = fill(rows)
      assert.are.same({ 1 }, third:blockers())
    end)

    it("are told apart however many there were", function()
      local text = {}
      for i = 1, 5000 do
        text[i] = ("u%d@x,n\n"):format(i % 700)
      end
      local rows = open(table.concat(text), { batch = 1000, live = 1 })
      local sent, folded = 0, 0
      repeat
        local batch, _, status = fill(rows)
        sent, folded = sent + batch:info().sent, folded + batch:info().folded
        batch:release(rows)
      until status == "end"
      assert.are.equal(700 * 5, sent)
      assert.are.equal(300 * 5, folded)
    end)

    it("are told apart however batches come and go", function()
      local seed = 11
      local function random(n)
        seed = seed * 16807 % 2147483647
        return seed % n + 1
      end
      local text = {}
      for i = 1, 12000 do text[i] = ("u%d@x,n\n"):format(random(900)) end
      local rows = open(table.concat(text), { batch = 30, live = 4 })
      local alive, row = {}, 0
      for _ = 1, 400 do
        local batch, body = fill(rows)
        local last, distinct, held = {}, 0, {}
        for _ = 1, 30 do
          row = row + 1
          local address = text[row]:match("^[^,]+")
          if not last[address] then distinct = distinct + 1 end
          last[address] = true
          for slot, other in pairs(alive) do
            if other.holds[address] then held[slot] = true end
          end
        end
        assert.are.equal(30 - distinct, batch:info().folded)
        assert.are.equal(distinct, #members(body))
        local found = {}
        for _, slot in ipairs(batch:blockers() or {}) do found[slot] = true end
        assert.are.same(held, found)
        local slot = 0
        while alive[slot] do slot = slot + 1 end
        alive[slot] = { batch = batch, holds = last }
        local gone = random(4) - 1
        if alive[gone] and (alive[3] or random(3) == 1) then
          alive[gone].batch:release(rows)
          alive[gone] = nil
        end
      end
    end)
  end)

  describe("get their verdicts from an answer", function()
    local rows, batch, body
    before_each(function()
      rows = open "a@x,1\nb@x,2\nc@x,3\nd@x,4\n"
      batch, body = fill(rows)
    end)

    local function verdicts(value)
      assert.is_true(answer(rows, batch, body, value))
      local v = batch:settle()
      return { v.inserted, v.updated, v.rejected, v.unknown }
    end

    it("that adds up", function()
      assert.are.same(
        { 1, 2, 1, 0 },
        verdicts {
          ins = { { mail = "?" } },
          upd = { { mail = "?" }, { mail = "?" } },
          err = { { mail = "C@x", why = "bad" } },
        }
      )
      assert.are.equal("3,c@x,bad,c@x,3\n", rejects(rows, batch, body))
    end)

    it("that has counts only", function()
      assert.are.same(
        { 3, 1, 0, 0 },
        verdicts { n_ins = 3, n_upd = 1, ins = cjson.null, err = {} }
      )
    end)

    it("that lists a refused address among the inserted too", function()
      assert.are.same(
        { 3, 0, 1, 0 },
        verdicts {
          ins = { { mail = "a@x" }, { mail = "b@x" }, { mail = "c@x" }, { mail = "d@x" } },
          err = { { mail = "d@x", message = "no" } },
        }
      )
    end)

    it("that names a refused row by another spelling", function()
      assert.are.same(
        { 3, 0, 1, 0 },
        verdicts {
          ins = { { mail = "a@x" }, { mail = "b@x" }, { mail = "d@x" } },
          err = { { mail = "c@X.test", why = "no" } },
        }
      )
      assert.are.equal("3,c@x,refused by the service,c@x,3\n", rejects(rows, batch, body))
    end)

    it("that forgets rows", function()
      assert.are.same({ 1, 0, 0, 3 }, verdicts { ins = { { mail = "b@x" } } })
    end)

    it("that forgets rows which were to be left alone", function()
      rows = open("a@x,1\nb@x,2\n", { unlisted_taken = true })
      batch, body = fill(rows)
      assert.are.same({ 1, 1, 0, 0 }, verdicts { ins = { { mail = "b@x" } } })
    end)

    it("that spells addresses with escapes", function()
      assert.are.same(
        { 3, 0, 1, 0 },
        verdicts '{"ins":[{},{},{}],"err":[{"why":"w\\u0021","mail":"\\u0061@x"}]}'
      )
      assert.are.equal("1,a@x,w!,a@x,1\n", rejects(rows, batch, body))
    end)

    it("unless it is none", function()
      for _, text in ipairs { "", "[]", "{", '{"ins":[', '{"ins":[]}x', "null", '{"a":\255}' } do
        local ok, problem = answer(rows, batch, body, text)
        assert.is_nil(ok)
        assert.is_string(problem)
      end
      assert.are.equal(4, batch:settle().open)
    end)
  end)

  it("are sent in parts when a request is refused whole", function()
    local rows = open "a@x,1\nb@x,2\nA@x,3\nc@x,4\nbad\nd@x,5\n"
    local batch, body = fill(rows)
    local out = core.buffer()
    assert.are.equal(4, batch:info().sent)
    batch:slice(rows, body, 2, 3, out)
    local part = members(out)
    assert.are.same({ "A@x", "c@x" }, { part[1].mail, part[2].mail })
    assert.are.equal(2, #part)
    batch:answer(rows, body, '{"ins":[{},{}]}', 2, 3)
    batch:judge(1, 1, "rejected", "poison")
    batch:judge(4, 4, "unknown", "gone")
    assert.are.same(
      { rows = 6, inserted = 2, updated = 1, rejected = 2, unknown = 1, folded = 1, open = 0 },
      batch:settle()
    )
    assert.are.equal(
      "2,b@x,poison,b@x,2\n5,bad,the address has no @,bad\n",
      rejects(rows, batch, body)
    )
  end)

  it("come as tables where somebody wants to look at them", function()
    local rows = open "a@x,Ann,vip;new,Rome\nb@x\nc@x\n"
    local batch, body = core.batch(), core.buffer()
    batch:begin(rows, body)
    local member, line = batch:next(rows, body)
    assert.are.same(
      { mail = "a@x", name = "Ann", tags = { "vip", "new" }, fields = { City = "Rome" } },
      member
    )
    assert.are.equal(1, line)
    batch:drop()
    assert.are.same({ mail = "b@x", tags = {}, fields = {} }, (batch:next(rows, body)))
    batch:refuse("not today", "b@x")
    batch:next(rows, body)
    local shape = core.shape {
      type = "record",
      { name = "mail", type = "string" },
      { name = "name", type = "string" },
    }
    local from = #body
    shape:write({ mail = " c@x  ", name = "C" }, body)
    assert.is_true((batch:enter(rows, body, from)))
    batch:entry(77)
    from = #body
    shape:write({ mail = "nope" }, body)
    assert.is_false((batch:enter(rows, body, from)))
    assert.are.same({ nil, "end" }, { batch:next(rows, body) })
    batch:close(rows, body)
    assert.are.equal(HEAD .. '{"mail":"c@x","name":"C"}' .. TAIL, tostring(body))
    assert.are.equal(
      "2,b@x,not today,b@x\n77,nope,the address has no @,\n",
      rejects(rows, batch, body)
    )
  end)

  it("are counted in an answer whatever its objects hold", function()
    local seed = 7
    local function random(n)
      seed = seed * 16807 % 2147483647
      return seed % n + 1
    end
    local PARTS = { '"a":"x"', '"b":{}', '"c":[{"d":{}},[]]', '"e":"}{]["', '"f":"\\"}\\\\"',
      '"g":[]', '"hhhhhhhhhhhhhhhhhhhhhhhhhhhhh":1', '"\\\\":null' }
    local function object()
      local parts = {}
      for i = 1, random(5) - 1 do parts[i] = PARTS[random(random(#PARTS))] end
      return "{" .. table.concat(parts, "," .. (" "):rep(random(3) - 1)) .. "}"
    end
    local function list(count)
      local objects = {}
      for i = 1, count do objects[i] = object() end
      return "[" .. table.concat(objects, ",") .. "]"
    end
    for _ = 1, 200 do
      local rows = open((function()
        local text = {}
        for i = 1, 40 do text[i] = ("m%d@x\n"):format(i) end
        return table.concat(text)
      end)())
      local batch, body = fill(rows)
      local first = random(41) - 1
      assert.is_true(batch:answer(rows, body,
        ('{"ins":%s,"upd":%s}'):format(list(first), list(40 - first)), 1, 40))
      local verdicts = batch:settle()
      assert.are.same({ first, 40 - first, 0 },
        { verdicts.inserted, verdicts.updated, verdicts.unknown })
    end
  end)

  it("come some at a time, and move up where one is dropped", function()
    local text = {}
    for i = 1, 70 do text[i] = ("m%d@x,N%d\n"):format(i, i) end
    text[3] = ("x,"):rep(4097) .. "\n"   -- more cells than a row may have
    local rows = open(table.concat(text))
    local batch, body = core.batch(), core.buffer()
    batch:begin(rows, body)
    local shape = core.shape { type = "record", { name = "mail", type = "string" } }
    local shown, lines, seen, status = {}, {}, {}
    repeat
      local count
      count, status = batch:show(rows, body, shown, lines)
      for i = 1, count do
        seen[#seen + 1] = lines[i]
        local member = shown[i]
        shown[i] = lines[i] % 2 == 0 and { mail = member.mail } or nil
        if lines[i] == 7 then shown[i] = { mail = 7 } end
        if lines[i] == 9 then shown[i] = false end
      end
      assert.is_nil(batch:take(rows, body, shape, shown))
      assert.is_nil(batch:take(rows, body, shape, shown))
    until status
    assert.are.equal("end", status)
    assert.are.equal(69, #seen)
    batch:close(rows, body)
    assert.are.equal(38, batch:info().rows)
    assert.are.equal(35, batch:info().sent)
    assert.are.equal("m2@x", members(body)[1].mail)
    assert.are.equal("m70@x", members(body)[35].mail)
    local refused = rejects(rows, batch, body)
    assert.is_truthy(refused:find("^3,,more than 4096 cells,"))
    assert.is_truthy(refused:find('\n7,,"mail: must be text, got a number",m7@x,N7\n9,,', 1, true))
    batch:release(rows)
    assert.has_error(function() batch:take(rows, body, shape, shown) end)
  end)

  it("hold misuse off", function()
    local rows = open "a@x\n"
    local batch, body = core.batch(), core.buffer()
    assert.has_error(function() batch:fill(rows, body) end)
    assert.has_error(function() core.rows { batch = 0 } end)
    assert.has_error(function() core.rows { batch = 0 / 0 } end)
    assert.has_error(function() rows:plan { steps = {} } end)
    batch:begin(rows, body)
    assert.has_error(function() batch:begin(rows, body) end)
    assert.has_error(function() batch:slice(rows, body, 1, 1, core.buffer()) end)
  end)

  local function refuses(reason, action)
    local ok, message = pcall(action)
    assert.is_false(ok)
    assert.is_truthy(tostring(message):find(reason, 1, true), message)
  end

  it("have no batch before they have a plan", function()
    local rows = core.rows {}
    rows:feed "a@x\n"
    refuses("no plan", function() core.batch():begin(rows, core.buffer()) end)
    assert.has_error(function() rows:plan { steps = { { use = "address", cell = 1 }, 7 } } end)
    refuses("no plan", function() core.batch():begin(rows, core.buffer()) end)
  end)

  it("keep their plan while a batch is alive, and when another one is malformed", function()
    local rows = open "a@x,Ann\nb@x,Ben\n"
    local batch, body = core.batch(), core.buffer()
    batch:begin(rows, body)
    refuses("a batch of these rows is alive", function()
      rows:plan { steps = { step("address", 1, "other") } }
    end)
    batch:release(rows)
    refuses("two steps take one cell", function()
      rows:plan { steps = { step("address", 1, "mail"), step("text", 1, "name") } }
    end)
    refuses("the address is the first step", function()
      rows:plan { steps = { step("text", 1, "name") } }
    end)
    refuses("not in their order", function()
      rows:plan { steps = { step("address", 1, "a"), step("tags", 2, "b"), step("text", 3, "c") } }
    end)
    local _, written = fill(rows)
    assert.are.equal("Ben", members(written)[2].name)
  end)

  it("go with the batch and the body that were begun with them, and no other", function()
    local rows, other = open "a@x\nb@x\n", open "c@x\nd@x\n"
    local batch, body = core.batch(), core.buffer()
    batch:begin(rows, body)
    refuses("not the rows", function() batch:fill(other, body) end)
    refuses("not the rows", function() batch:release(other) end)
    refuses("not the body", function() batch:fill(rows, core.buffer()) end)
    batch:fill(rows, body)
    body:clear()
    refuses("not the body", function() batch:close(rows, body) end)
    refuses("not the body", function() batch:rejects(rows, body, core.buffer()) end)
    batch:release(rows)
    batch:begin(other, body)
    batch:fill(other, body)
    batch:close(other, body)
    refuses("the body is another buffer", function() batch:slice(other, body, 1, 1, body) end)
    refuses("the body is another buffer", function() batch:rejects(other, body, body) end)
  end)

  it("take no object whose address does not end", function()
    local rows = open "a@x\n"
    local batch, body = core.batch(), core.buffer()
    local lines = core.lines { separator = ",", list = {}, total = {}, parts = {}, columns = {} }
    for _, text in ipairs { '{"mail":"a@x', '{"mail":"a@x\\', '{"mail":"', '{"mail' } do
      batch:begin(rows, body)
      batch:entry(1)
      local from, cell = #body, core.buffer()
      lines:cell(text, cell)
      lines:pad(cell, 0, body) -- behind the head, with quotes around it
      refuses("", function() batch:enter(rows, body, from) end)
      assert.are.equal(from, #body)
      batch:release(rows)
    end
  end)

  it("are not read from a file that was closed", function()
    local rows, name = core.rows {}, os.tmpname()
    local file = assert(io.open(name, "w+"))
    file:close()
    os.remove(name)
    assert.are.same({ n = 2, nil, "the file was closed" }, { n = 2, rows:feed_from(file, 10) })
    refuses("FILE", function() rows:feed_from(core.buffer(), 10) end)
  end)

  it("do not take a line number that is none", function()
    local rows = open "a@x\n"
    local batch, body = core.batch(), core.buffer()
    batch:begin(rows, body)
    for _, line in ipairs { -1, 0 / 0, math.huge, 2 ^ 63 } do
      refuses("out of range", function() batch:entry(line) end)
    end
  end)

  it("count the entries of an array", function()
    local function entries(list) return { core.entries(list) } end
    assert.are.same({ 0, 0 }, entries {})
    assert.are.same({ 2, 2 }, entries { "a", "b" })
    assert.are.same({ 3, 9 }, entries { "a", "b", [9] = "c" })
    assert.are.same({ 1, 1, "x" }, entries { "a", x = 1 })
    assert.are.same({ 0, 0, 0.5 }, entries { [0.5] = 1 })
    assert.are.same({ 0, 0, -1 }, entries { [-1] = 1 })
    assert.are.same({ 1, math.huge }, entries { [math.huge] = 1 })
    assert.has_error(function() core.entries "a" end)
  end)
end)
