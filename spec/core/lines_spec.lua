-- csrc/core/lines*.c: pages of members into lines.

local core = require "sendcloud.core"

local PARTS = { "id", "email", "fields", "tags", "name" }

local function new(options)
  local parts, numbers, columns = {}, {}, {}
  for index, name in ipairs(PARTS) do
    parts[index] = { keys = { name, name .. "2" }, json = ('"%s":'):format(name) }
    numbers[name] = index
  end
  for index, name in ipairs(options.columns or {}) do
    columns[index] = { name = name, part = numbers[name], json = ('"%s":'):format(name) }
  end
  return core.lines {
    separator = options.separator or ",", guard = options.guard, crlf = options.crlf,
    finding = options.finding, list = { "list", "result" }, total = { "total" },
    parts = parts, id = numbers.id, fields = numbers.fields, columns = columns,
    folder = options.folder,
  }
end

local function page(lines, json)
  local out, ids = core.buffer(), core.buffer()
  local received, written, total = lines:page(json, out, ids)
  return tostring(out), received, written, total, ids
end

describe("lines", function()
  it("hold the columns in their order", function()
    local lines = new { columns = { "name", "email", "City", "tags" } }
    local text, received, written, total = page(lines, [[{"total":7,"list":[
      {"id":"1","email":"a@x","name":null,"fields":{"x":"1","City":"R, \"q\"\n"},"tags":["a","b"]},
      {"tags":[],"name":"N","email":"b@x","id":2,"other":{"deep":[{}]}}]}]])
    assert.are.equal(',a@x,"R, ""q""\n",a;b\nN,b@x,,\n', text)
    assert.are.same({ 2, 2, 7 }, { received, written, total })
  end)

  it("take the key that comes first in the list of a part's keys", function()
    local lines = new { columns = { "name" } }
    for _, json in ipairs {
      '{"list":[{"name":"A","name2":"B"}]}', '{"list":[{"name2":"B","name":"A"}]}',
      '{"result":[{"name":"A"}]}', '{"list":[{"name2":"A","name":null}]}',
    } do
      assert.are.equal("A\n", (page(lines, json)))
    end
  end)

  it("leave out ids that came before, and forget those of a page that was none", function()
    local lines = new { columns = { "id" } }
    assert.are.equal("1\n2\n", (page(lines, '{"list":[{"id":"1"},{"id":"2"},{"id":"1"}]}')))
    local text, received, problem = page(lines, '{"list":[{"id":"3"},{"id":"4"},7]}')
    assert.are.same({ "", "a member is no object" }, { text, problem })
    assert.is_nil(received)
    local again, _, written, _, ids = page(lines, '{"list":[{"id":"4"},{"id":"2"},{"id":"3"}]}')
    assert.are.equal("4\n3\n", again)
    assert.are.equal(2, written)
    assert.are.equal(16, #ids)
    assert.are.equal("\n\n", (page(lines, '{"list":[{},{"id":null}]}')))
    local other = new { columns = { "id" } }
    other:remember(ids)
    assert.are.equal("5\n", (page(other, '{"list":[{"id":"3"},{"id":"4"},{"id":"5"}]}')))
  end)

  it("know many ids", function()
    local lines = new { columns = { "id" } }
    local rows = 0
    for round = 1, 2 do
      for from = 1, 20000, 100 do
        local list = {}
        for i = from, from + 99 do list[#list + 1] = ('{"id":"%024x"}'):format(i) end
        local _, _, written = page(lines, '{"list":[' .. table.concat(list, ",") .. "]}")
        rows = rows + written
      end
      assert.are.equal(20000, rows, round)
    end
  end)

  it("forget the ids of bad pages between good ones, however they lie among others", function()
    local lines, seen, state = new { columns = { "id" } }, {}, 7
    for round = 1, 300 do
      local list, fresh, expected = {}, {}, 0
      for i = 1, 1 + round % 40 do
        state = state * 16807 % 2147483647
        local id = tostring(state % 2000)
        list[i] = ('{"id":"%s"}'):format(id)
        if not seen[id] and not fresh[id] then fresh[id], expected = true, expected + 1 end
      end
      local good = state % 3 > 0
      if not good then list[#list + 1] = "7" end
      local _, received, written = page(lines, '{"list":[' .. table.concat(list, ",") .. "]}")
      assert.are.equal(good and #list or nil, received)
      if good then
        assert.are.equal(expected, written)
        for id in pairs(fresh) do seen[id] = true end
      end
    end
  end)

  it("find fields as they turn up, the same for a whole page", function()
    local lines = new { columns = { "email" }, finding = true }
    local text = page(lines, '{"list":[{"email":"a"},{"email":"b","fields":{"x":"1","y":2}},'
      .. '{"email":"c","fields":{"y":true,"\\u0078":"3"}}]}')
    assert.are.equal("a,,\nb,1,2\nc,3,true\n", text)
    assert.are.same({ 3, { "x", "y" } }, { lines:columns() })
    assert.are.equal("d,,,4\n", (page(lines, '{"list":[{"email":"d","fields":{"z":4}}]}')))
  end)

  it("are told in parts and filled up", function()
    local lines = new { columns = { "email" } }
    local text = 'a,"b\n""c",d\ne\n'
    assert.are.equal(0, lines:cut(text, 0))
    assert.are.equal(#'a,"b\n""c",d\n', lines:cut(text, 1))
    assert.are.equal(#text, lines:cut(text, 9))
    local out = core.buffer()
    for at = 1, #text, 3 do lines:pad(text:sub(at, at + 2), 2, out) end
    assert.are.equal('a,"b\n""c",d,,\ne,,\n', tostring(out))
  end)

  it("are JSON where that is wanted", function()
    local lines = new { separator = "" }
    local text = page(lines, '{"list":[ { "id" : 1, "fields" : { "a b" : [ 1 , "x y" ] } , '
      .. '"tags" : null, "name2" : "\\u00e9\\n" } ]}')
    assert.are.equal('{"id":1,"fields":{"a b":[1,"x y"]},"name":"\\u00e9\\n"}\n', text)
  end)

  it("keep a spreadsheet from running cells", function()
    local lines = new { columns = { "email" }, guard = true, crlf = true }
    for cell, wanted in pairs {
      ["=1"] = "'=1", ["+1"] = "'+1", ["-1"] = "'-1", ["@x"] = "'@x", ["a=1"] = "a=1",
      ['=",'] = "\"'=\"\",\"",
      ["'=1"] = "''=1", ["''@"] = "'''@", ["'"] = "'", ["''"] = "''", ["'a=1"] = "'a=1",
    } do
      local out = core.buffer()
      lines:cell(cell, out)
      assert.are.equal(wanted, tostring(out))
    end
  end)

  it("come of pages only", function()
    local lines = new { columns = { "email" } }
    for _, json in ipairs {
      "", "{}", "[]", '{"list":{}}', '{"list":[{}]', '{"list":[{"email":"\255"}]}',
      '{"list":[{"email":"a\nb"}]}', '{"list":[{"email":01}]}', '{"list":[{"email":"a"}]}x',
      '{"list":[{"email":"a",}]}', '{"list":[{"fields":{"a":1,}}]}', '{"list":[{"id":nul}]}',
    } do
      local text, received, problem = page(lines, json)
      assert.is_nil(received, json)
      assert.is_string(problem)
      assert.are.equal("", text)
    end
    assert.has_error(function() lines:page("{}", "", core.buffer()) end)
    assert.has_error(function() core.lines {} end)
  end)

  describe("of many members", function()
    local EACH = 1000

    -- A page of the members at..at+999, every `step`-th left out where there is one.
    local function members(at, step)
      local list = {}
      for i = at, at + EACH - 1 do
        if not step or i % step ~= 0 then
          list[#list + 1] = ('{"id":"%024x","email":"u%d@x"}'):format(i * 7919, i)
        end
      end
      return '{"list":[' .. table.concat(list, ",") .. "]}"
    end

    it("leave out what came before, be it long ago", function()
      -- Past the table in memory, and past the first size of the file.
      local lines, pages = new { columns = { "email" } }, 160
      for at = 0, pages - 1 do
        local _, received, written = page(lines, members(at * EACH, 10))
        assert.are.equal(900, received)
        assert.are.equal(900, written)
      end
      for at = 0, pages - 1, 7 do
        local text, received, written = page(lines, members(at * EACH))
        assert.are.equal(1000, received)
        assert.are.equal(100, written)
        assert.are.equal(("u%d@x\n"):format(at * EACH), text:match("^[^\n]*\n"))
      end
    end)

    it("forget the ids of a page that is none", function()
      local lines = new { columns = { "email" } }
      for at = 0, 59 do page(lines, members(at * EACH)) end
      local broken = members(60 * EACH):sub(1, -2)
      assert.is_nil((lines:page(broken, core.buffer(), core.buffer())))
      assert.are.equal(1000, select(3, page(lines, members(60 * EACH))))
      assert.are.equal(0, select(3, page(lines, members(60 * EACH))))
    end)

    it("say why they cannot be kept", function()
      local lines = new { columns = { "email" }, folder = "/no/such/folder" }
      local _, problem = pcall(function()
        for at = 0, 59 do page(lines, members(at * EACH)) end
      end)
      assert.truthy(tostring(problem):find("No such file or directory", 1, true))
    end)
  end)
end)
