-- lua/sendcloud/export.lua, layout.lua and spool.lua: what is written of the members.

local cjson = require "cjson"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"
local scripted = require "spec.support.scripted"

local where = require("sendcloud").where

local function boxed(options, settings)
  local box = assert(sandbox.start(settings or { seed = 42, order = "oldest" }))
  local all = { transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(box:client(all)), box
end

local function fill(client, count, make)
  local list = {}
  for i = 1, count do
    list[i] = make and make(i) or { email = ("u%d@x.org"):format(i), fields = { n = i } }
  end
  assert(client.members:import(list))
end

local function lines_of(path)
  local list = {}
  for line in files.read(path):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  return list
end

local function export(client, sink, options)
  return assert(client.members:export(sink, options))
end

-- Members as a table by address, without what a service gives them of its own.
local function bare(client)
  local found = {}
  for member in client.members:each {} do
    table.sort(member.tag_names)
    found[member.email] = { phone = member.phone, name = member.name, fields = member.fields,
      tags = member.tag_names }
  end
  return found
end

local function beside(width)
  return width == 1 and "" or (", %d pages at a time"):format(width)
end

describe("export", function()
  after_each(files.clean)

  for _, provider in ipairs { "sendcloud", "engagelab" } do
    it("writes members that come back the same into " .. provider, function()
      local client = boxed { provider = provider }
      assert(client.members:import("examples/contacts.csv"))
      assert(client.members:upsert {
        { email = "odd@x.org", name = ' =1 "x"; ', phone = "+86 1", tags = { "a b" },
          fields = { Mobile = "2", ["fields.x"] = "3", tags = "4", id = "5", line = "6\r\n",
            ["e,f"] = "7", [" g "] = "8" } },
      })
      local wanted = bare(client)
      for _, ending in ipairs { ".csv", ".tsv", ".jsonl" } do
        local path = files.path(ending)
        local report = export(client, path)
        assert.are.equal(1981, report.rows)
        assert.are.equal(20, report.requests)
        assert.is_true(report.complete)
        assert.are.equal(#files.read(path), report.bytes)
        local other = boxed { provider = provider }
        local again = assert(other.members:import(path))
        assert.are.equal(1981, again.inserted)
        local got = bare(other)
        for email, member in pairs(wanted) do assert.are.same(member, got[email]) end
      end
    end)
  end

  it("chooses by condition, tag and segment", function()
    local client, box = boxed()
    fill(client, 30, function(i)
      return { email = ("u%d@x.org"):format(i), tags = i % 3 == 0 and { "third" } or nil,
        fields = { Age = i } }
    end)
    local path = files.path ".csv"
    assert.are.equal(11, export(client, path, { where = where.Age:ge(20) }).rows)
    assert.are.equal(10, export(client, path, { tag = client.tags:find("third").id }).rows)
    local segment = assert(client.segments:create { name = "s", where = where.Age:ge(10) })
    box:advance(10)
    assert.are.equal(21, export(client, path, { segment = segment.id }).rows)
    assert.are.equal(6, export(client, path, {
      segment = segment.id, where = where.Age:le(15),
    }).rows)
  end)

  it("writes the columns chosen", function()
    local client = boxed()
    assert(client.members:upsert { { email = "a@x.org", name = "N", tags = { "t", "u" },
      fields = { Age = 7, email2 = "other" } } })
    local path = files.path ".csv"
    export(client, path, {
      columns = { "Age", "email", "fields.email2", "name", "list_id", "tags", "nothing" },
    })
    assert.are.same({ "Age,email,fields.email2,name,list_id,tags,nothing",
      "7,a@x.org,other,N,63486,t;u," }, lines_of(path))
    path = files.path ".jsonl"
    export(client, path, { columns = { "Age", "email", "tag_names" } })
    assert.are.same({ Age = "7", email = "a@x.org", tag_names = { "t", "u" } },
      cjson.decode(files.read(path)))
  end)

  for _, width in ipairs { 1, 3 } do
    it("finds fields that turn up late" .. beside(width), function()
      local client = boxed { concurrency = width }
      fill(client, 450, function(i)
        return { email = ("u%d@x.org"):format(i), name = i == 5 and 'a,\n"b' or nil,
          fields = { a = i, late = i > 330 and i or nil, [i > 120 and "b" or "a"] = i } }
      end)
      local path = files.path ".csv"
      assert.are.equal(450, export(client, path).rows)
      local core = require "sendcloud.core"
      local rows = core.rows {}
      rows:feed(files.read(path))
      rows:finish()
      rows:sniff()
      local n, header = 0, rows:read()
      assert.are.equal("email,phone,name,tags,a", table.concat(header, ",", 1, 5))
      assert.are.equal(7, #header)
      while true do
        local cells = rows:read()
        if not cells then break end
        n = n + 1
        assert.are.equal(7, #cells)
        assert.are.equal(("u%d@x.org"):format(n), cells[1])
      end
      assert.are.equal(450, n)
      assert.is_nil(files.read(path .. ".part"))
      assert.is_nil(files.read(path .. ".part2"))
    end)
  end

  it("keeps a spreadsheet from running cells", function()
    local client = boxed()
    assert(client.members:upsert { { email = "a@x.org", name = "=1+1", phone = "+86",
      fields = { a = "-1", b = "@x", c = '=HYPERLINK("x")', d = "x=1", ["=e"] = "\t1" } } })
    local path = files.path ".csv"
    export(client, path, { spreadsheet = true,
      columns = { "email", "name", "phone", "a", "b", "c", "d", "=e" } })
    assert.are.equal("\239\187\191email,name,phone,a,b,c,d,'=e\r\n"
      .. "a@x.org,'=1+1,'+86,'-1,'@x,\"'=HYPERLINK(\"\"x\"\")\",x=1,'\t1\r\n", files.read(path))
  end)

  it("passes the text on to a function or an open file", function()
    local client = boxed()
    fill(client, 3)
    local pieces = {}
    export(client, function(piece) pieces[#pieces + 1] = piece end)
    local path = files.path()
    local file = assert(io.open(path, "wb"))
    export(client, file)
    assert.are.equal("file", io.type(file))
    file:close()
    assert.are.equal("email,phone,name,tags,n\nu1@x.org,,,,1\nu2@x.org,,,,2\nu3@x.org,,,,3\n",
      table.concat(pieces))
    assert.are.equal(table.concat(pieces), files.read(path))
  end)

  it("writes a header for nobody, and stops at the limit", function()
    local client = boxed()
    local path = files.path ".csv"
    assert.are.equal(0, export(client, path).rows)
    assert.are.same({ "email,phone,name,tags" }, lines_of(path))
    fill(client, 250)
    for _, limit in ipairs { 0, 1, 99, 100, 101, 201, 250, 300 } do
      for _, width in ipairs { 1, 8 } do
        local report = export(client, path, { limit = limit, concurrency = width })
        assert.are.equal(math.min(limit, 250), report.rows)
        assert.are.equal(0, report.duplicates)
        local lines = lines_of(path)
        assert.are.equal(report.rows + 1, #lines)
        for i = 2, #lines do
          assert.are.equal(("u%d@x.org,"):format(i - 1), lines[i]:match("^[^,]*,"))
        end
        assert.are.equal(#files.read(path), report.bytes)
        assert.is_true(report.requests <= math.ceil(limit / 100))
      end
    end
  end)

  it("keeps several pages on their way and their order", function()
    local client, box = boxed { concurrency = 5 }
    fill(client, 1000)
    box:fault { operation = "members.list", delay = { 0.5, 1 } }
    local path = files.path ".csv"
    local before = box:time()
    export(client, path)
    assert.is_true(box:time() - before <= 4)
    for i, line in ipairs(lines_of(path)) do
      if i > 1 then
        assert.are.equal(("u%d@x.org"):format(i - 1), line:match("^[^,]*"))
      end
    end
  end)

  for _, width in ipairs { 1, 2 } do
    describe("of a list that changes" .. beside(width), function()
      -- A service whose list the spec changes between pages.
      local function changing(list, change, options)
        local n = 0
        return scripted.client(function(request)
          n = n + 1
          local offset = tonumber(request.query:match("offset=(%d+)"))
          local count = tonumber(request.query:match("count=(%d+)"))
          if options and options.most then count = math.min(count, options.most) end
          local page = {}
          for i = offset + 1, math.min(offset + count, #list) do
            page[#page + 1] = ('{"id":"%s","email":"%s@x.org"}'):format(list[i], list[i])
          end
          local total = not (options and options.silent) and (',"total":%d'):format(#list) or ""
          local body = ('{"list":[%s]%s}'):format(table.concat(page, ","), total)
          change(list, n)
          return scripted.json(200, body)
        end, { concurrency = width })
      end

      local function ids(n)
        local list = {}
        for i = 1, n do list[i] = "m" .. i end
        return list
      end

      local function run(list, change, options)
        local path = files.path ".csv"
        local report = export(changing(list, change, options), path)
        local seen, rows = {}, 0
        for i, line in ipairs(lines_of(path)) do
          if i > 1 then
            local id = line:match("^[^@]*")
            assert.is_nil(seen[id], id)
            seen[id] = true
            rows = rows + 1
          end
        end
        assert.are.equal(rows, report.rows)
        return seen, report
      end

      it("writes nobody twice when it grows in front", function()
        local seen, report = run(ids(400), function(list, n)
          if n <= 3 then for i = 1, 30 do table.insert(list, 1, ("new%d-%d"):format(n, i)) end end
        end)
        for i = 1, 400 do assert.is_true(seen["m" .. i]) end
        assert.is_true(report.duplicates > 0)
      end)

      it("misses nobody when it shrinks in front", function()
        local seen = run(ids(400), function(list, n)
          if n == 2 then for _ = 1, 50 do table.remove(list, 1) end end
        end)
        for i = 51, 400 do assert.is_true(seen["m" .. i]) end
      end)

      it("ends when it vanishes", function()
        run(ids(400), function(list, n)
          if n == 2 then for i = #list, 1, -1 do list[i] = nil end end
        end)
      end)

      it("takes pages that are smaller than asked for", function()
        local seen = run(ids(230), function() end, { most = 30 })
        for i = 1, 230 do assert.is_true(seen["m" .. i]) end
      end)

      it("does without a total", function()
        local seen = run(ids(230), function() end, { silent = true })
        for i = 1, 230 do assert.is_true(seen["m" .. i]) end
        run(ids(200), function() end, { silent = true })
      end)
    end)
  end

  it("reads what the documents contradict themselves in", function()
    local client = scripted.client {
      scripted.json(200, [==[ { "total" : "2", "list" : [
        { "id": 8, "email": "a@x.org", "tags": null, "tagNames": ["a\u0062", null, 7],
          "fields": { "m": { "k" : [ 1, 2 ] }, "\u0041ge": 12.00, "t": true, "z": null } },
        { "unknown": [[]], "id": "9", "email": "b@x.org", "createDate": "2022", "phone": null,
          "fields": null, "name": "tab\there \"q\" \ud83c\udf89" } ] } ]==]),
    }
    local path = files.path ".csv"
    export(client, path, { columns = { "id", "email", "name", "tags", "m", "Age", "t", "create_time" } })
    assert.are.same({
      "id,email,name,tags,m,Age,t,create_time",
      '8,a@x.org,,ab;7,"{ ""k"" : [ 1, 2 ] }",12.00,true,',
      '9,b@x.org,"tab\there ""q"" 🎉",,,,,2022',
    }, lines_of(path))
    path = files.path ".jsonl"
    export(client, path)
    local all = lines_of(path)
    assert.are.equal(2, #all)
    assert.are.same({ m = { k = { 1, 2 } }, Age = 12, t = true, z = cjson.null },
      cjson.decode(all[1]).fields)
    assert.are.equal('tab\there "q" 🎉', cjson.decode(all[2]).name)
  end)

  it("tries pages again", function()
    local client, box = boxed()
    fill(client, 250)
    box:fault { operation = "members.list", every = 2, status = 503 }
    box:fault { operation = "members.list", nth = 1, truncate = true }
    local report = export(client, files.path ".csv")
    assert.are.equal(250, report.rows)
    assert.is_true(report.retries >= 2)
    assert.are.equal(report.requests, 3 + report.retries)
  end)

  -- A service of 350 members; `answer(offset, nth time, page)` may change a page.
  local function served(answer, options)
    local asked = {}
    local client = scripted.client(function(request)
      local offset = tonumber(request.query:match("offset=(%d+)"))
      local count = tonumber(request.query:match("count=(%d+)"))
      asked[offset] = (asked[offset] or 0) + 1
      local page = { total = 350, list = {} }
      for i = offset + 1, math.min(offset + count, 350) do
        page.list[#page.list + 1] = { id = tostring(i), email = ("u%d@x.org"):format(i) }
      end
      return answer(offset, asked[offset], page) or scripted.json(200, page)
    end, options)
    return client, asked
  end

  local function addresses(path)
    local list = lines_of(path)
    table.remove(list, 1)
    for index, line in ipairs(list) do list[index] = tonumber(line:match("^u(%d+)@")) end
    return list
  end

  local function to(last)
    local list = {}
    for i = 1, last do list[i] = i end
    return list
  end

  it("asks again for an answer that is no page", function()
    local path = files.path ".csv"
    local client, asked = served(function(offset, nth)
      if offset == 200 and nth == 1 then return scripted.json(200, "{\"list\":[{\"id\":") end
    end)
    local report = export(client, path, { concurrency = 8 })
    assert.are.same(to(350), addresses(path))
    assert.are.equal(2, asked[200])
    assert.are.equal(1, report.retries)
    assert.are.equal(5, report.requests)
  end)

  it("asks for what a short page lacks", function()
    for _, first in ipairs { 0, 100, 300 } do
      local path = files.path ".csv"
      local client = served(function(offset, _, page)
        if offset >= first then
          for i = #page.list, 71, -1 do page.list[i] = nil end
        end
      end)
      local report = export(client, path, { concurrency = 3 })
      assert.are.equal(350, report.rows)
      assert.are.same(to(350), addresses(path))
      assert.are.equal(first == 0 and 7 or first == 100 and 6 or 4, report.requests)
    end
  end)

  it("ends where an answer stays no page", function()
    for _, width in ipairs { 1, 3 } do
      local path = files.path ".csv"
      local client = served(function(offset)
        if offset == 200 then return scripted.json(200, "{\"list\":7}") end
      end)
      local report, err = client.members:export(path, { concurrency = width })
      assert.is_nil(report)
      assert.are.equal("protocol", err.kind)
      assert.is_nil(files.read(path))
    end
  end)

  it("leaves no file behind when it fails", function()
    for _, body in ipairs {
      '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}', "{}", '{"list":[{"id":',
      '{"list":[{"id":"1"},7],"total":2}', '{"list":{},"total":2}',
    } do
      local client = scripted.client({ { status = 200, body = body } }, { retry = false })
      local path = files.path ".csv"
      local report, err = client.members:export(path)
      assert.is_nil(report)
      assert.are.equal(body:find("401") and "auth" or "protocol", err.kind)
      assert.is_false(err.report.complete)
      assert.is_nil(files.read(path))
      assert.is_nil(files.read(path .. ".part"))
    end
  end)

  it("does not touch the old file until the new one is whole", function()
    local client, box = boxed { retry = false }
    fill(client, 250)
    local path = files.write("old", ".csv")
    box:fault { operation = "members.list", nth = 3, status = 500 }
    assert.is_nil((client.members:export(path)))
    assert.are.equal("old", files.read(path))
    export(client, path)
    assert.are.equal(251, #lines_of(path))
  end)

  it("says what is wrong with options", function()
    local client = boxed()
    local path = files.path()
    for _, options in ipairs {
      { format = "xlsx" }, { columns = {} }, { columns = { 7 } }, { columns = { "" } },
      { columns = { "a\255" } }, { concurrency = 0 }, { limit = 1.5 }, { tag = "a", segment = "b" },
      { tag = "a/b" }, { segment = "" }, { colums = { "a" } }, { spreadsheet = 1 },
      { where = 7 }, { tag = "a", where = where.Age:ge(1) }, { checkpoint = "/no/such/dir/x" },
    } do
      local report, err = client.members:export(path, options)
      assert.is_nil(report, cjson.encode({ next(options) and "x" }))
      assert.are.equal("invalid", err.kind)
      assert.is_nil(files.read(path))
    end
    local report, err = client.members:export "/no/such/dir/x.csv"
    assert.is_nil(report)
    assert.are.equal("invalid", err.kind)
    for _, given in ipairs { {}, { {} }, { files.path ".csv", { on_progress = 5 } } } do
      local ok, raised = pcall(function() client.members:export(given[1], given[2]) end)
      assert.is_false(ok)
      assert.truthy(raised:find("export_spec.lua:", 1, true), raised)
    end
    local other = boxed { provider = "engagelab" }
    assert.are.equal("unsupported", select(2, other.members:export(path, { tag = "x" })).kind)
  end)

  it("tells how far it came", function()
    local client = boxed()
    fill(client, 300)
    local told = {}
    export(client, files.path ".csv", { on_progress = function(p) told[#told + 1] = p end })
    assert.are.equal(100, told[1].rows)
    assert.are.equal(300, told[1].total_rows)
    local last = told[#told]
    assert.are.same({ 300, 0, 0 }, { last.rows, last.waiting, last.eta })
  end)
end)
