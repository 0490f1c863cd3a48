-- Rows of CSV and of tables into requests, answers into verdicts, pages into lines.
--
-- `kept` lives through all rounds: the ids of a page that failed must not be in it.

local core = ...
local text = 'a@x,Ann,"vip; new",Rome\nno at,B,,\nb@x,"C ""c""",x,"1\n2"\nA@X,last,,\nc@x,long'
  .. ("g"):rep(300) .. ",,\n"

local function step(use, cell, name)
  local key = use == "address" and '{"mail":"' or use == "tags" and "" or '"' .. name .. '":"'
  return { use = use, cell = cell, name = name, target = name, key = key,
    max = use == "text" and 100 or nil }
end

local plan = { head = '{"list":[', tail = "]}", fields = ',"fields":{', tags = ',"tags":[',
  steps = { step("address", 1, "mail"), step("text", 2, "name"), step("field", 4, "City"),
    step("tags", 3, "tags") } }

local answers = { inserted = { "ins" }, updated = { "upd" }, errors = { "err" },
  inserted_count = { "n" }, updated_count = { "m" }, address = { "mail" },
  message = { "why" } }

local function import()
  local rows, batch, body, out = core.rows {}, core.batch(), core.buffer(), core.buffer()
  rows:feed(text:sub(1, 40))
  rows:feed(text:sub(41))
  rows:finish()
  rows:sniff()
  rows:plan(plan)
  rows:answers(answers)
  batch:begin(rows, body)
  assert(batch:fill(rows, body) == "end")
  batch:close(rows, body)
  assert(tostring(body):find("A@X", 1, true) and batch:info().sent == 2)
  assert(batch:answer(rows, body,
    '{"ins":[{"mail":"A@X"}],"n":1,"err":[{"mail":"b@x","why":"no"}]}', 1, 2))
  local verdicts = batch:settle()
  assert(verdicts.inserted + verdicts.updated == 2 and verdicts.rejected == 3)
  batch:rejects(rows, body, out)
  assert(tostring(out):find("no at", 1, true) and tostring(out):find("b@x,no", 1, true))
  batch:release(rows)
end

local shape = core.shape { type = "record", { name = "mail", type = "string" } }

local function tables()
  local rows, batch, body = core.rows {}, core.batch(), core.buffer()
  rows:plan(plan)
  rows:answers(answers)
  batch:begin(rows, body)
  local list = { { mail = "a@x" }, { mail = 7 }, "x", { mail = "b@x" } }
  assert(batch:write(rows, body, shape, list, 1, 4, 1) == 4)
  batch:close(rows, body)
  assert(batch:info().sent == 2)
  batch:release(rows)
end

local function shown()
  local rows, batch, body, members = core.rows {}, core.batch(), core.buffer(), {}
  rows:feed(text)
  rows:finish()
  rows:sniff()
  rows:plan(plan)
  batch:begin(rows, body)
  local count, status = batch:show(rows, body, members, {})
  assert(count == 5 and status == "end" and members[3].name == 'C "c"')
  members[2] = nil
  for i = 3, 5 do members[i] = i < 5 and { mail = members[i].mail } or "x" end
  members[1].name, members[1].fields, members[1].tags = nil, nil, nil
  batch:take(rows, body, shape, members)
  batch:close(rows, body)
  local info = batch:info()
  assert(info.rows == 4 and info.sent == 2 and info.refused == 1)
  batch:release(rows)
end

local parts = {}
for i, name in ipairs { "id", "mail", "fields", "tags" } do
  parts[i] = { keys = { name }, json = '"' .. name .. '":' }
end

local function lines_of(separator)
  return core.lines { separator = separator, finding = separator ~= "", list = { "list" },
    total = { "total" }, parts = parts, id = 1, fields = 3, folder = "/tmp",
    columns = separator ~= "" and { { name = "mail", part = 2, json = '"mail":' } } or {} }
end

local function page(round, count)
  local list = {}
  for i = 1, count do
    list[i] = ('{"id":"%d.%d","mail":"m%d@x","fields":{"f%d":"\\u0041","n":1},'
      .. '"tags":["a",{}]}'):format(round, i, i, i)
  end
  return '{"total":9,"list":[' .. table.concat(list, ",") .. "]}"
end

local kept = lines_of ","
local out, ids = core.buffer(), core.buffer()

local function export(round)
  for _, separator in ipairs { ",", "" } do
    local lines = lines_of(separator)
    local _, written = lines:page(page(round, 20), core.buffer(), core.buffer())
    assert(written == 20)
    local line, padded = core.buffer(), core.buffer()
    if separator == "," then
      lines:cell('a,"b"', line)
      lines:pad('a\n"b\n"\n', 2, padded)
      assert(tostring(padded) == 'a,,\n"b\n",,\n' and tostring(line) == '"a,""b"""')
    end
  end
  out:clear()
  ids:clear()
  local text_of_page = page(round, 3)
  local ok, problem = pcall(kept.page, kept, text_of_page, out, ids)
  if not ok then
    assert(#out == 0 and #ids == 0)
    local received, written = kept:page(text_of_page, out, ids)
    assert(received == 3 and written == 3, "ids of a page that failed were kept")
    error(problem, 0)
  end
  assert(select(2, kept:page(text_of_page, out, ids)) == 0)
end

page(0, 100) -- Lua makes the metatable of its own buffers

return function(round)
  import()
  tables()
  shown()
  export(round)
end
