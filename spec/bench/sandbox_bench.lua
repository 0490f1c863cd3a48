-- The sandbox with many contacts in a file: upserts, pages, opening. CPU seconds of this process.
-- MEMBERS=1000000 sets how many.

local core = require "sendcloud.sandbox.core"

local MEMBERS = tonumber(os.getenv("MEMBERS")) or 1000000
local AUTH = { "Authorization: Bearer YTpi" } -- a:b
local path = os.tmpname()

local function opened(file)
  local from = os.clock()
  local box = assert(core.open { path = file, seed = 42, user = "a", key = "b" })
  return box, (os.clock() - from) * 1000
end

local function batch(first)
  local members = {}
  for i = 1, 1000 do
    local n = first + i
    members[i] = ('{"email":"u%x.%d@example%d.com","name":"朱锁锁 %d","phone":"138%08d","fields":{"Age":"%d",'
      .. '"Gender":"女","City":"Shanghai"},"tags":["import","t%d"]}'):format(n * 40503 % 65536, n, n % 50, n, n,
      n * 7 % 80, n % 200)
  end
  return '{"members":[' .. table.concat(members, ",") .. '],"tagFlag":1,"updateExisting":true}'
end

local function ask(box, target, body)
  local from = os.clock()
  local answer = assert(box:handle("POST", "/marketing/lists/" .. target, AUTH, body, 600))
  assert(answer.status == 200, answer.body)
  return os.clock() - from
end

local empty, ms = opened(nil)
print(("open an empty store in memory   %8.2f ms   (at most 10)"):format(ms))
empty:close()

local box = opened(path)
local spent = 0
for first = 0, MEMBERS - 1000, 1000 do spent = spent + ask(box, "members", batch(first)) end
print(("upsert, 1000 at a time          %8.0f members/s over %d"):format(MEMBERS / spent, MEMBERS))
spent = 0
for i = 0, 19 do spent = spent + ask(box, "members", batch(MEMBERS + i * 1000)) end
print(("upsert behind them              %8.0f members/s   (at least 40000)"):format(20000 / spent))

local function page(what, field, op, value)
  local body = field and ('{"condition":{"relation":"and","items":[{"fieldName":"%s","op":"%s","value":"%s"}]}}')
    :format(field, op, value) or "{}"
  local first = ask(box, "listMembers?count=100", body)
  local next_page = ask(box, "listMembers?count=100&offset=100", body)
  print(("page of 100 by %-16s %8.2f ms, the next %.2f ms"):format(what, first * 1000, next_page * 1000))
end
page("nothing")
page("tag", "tag", "==", "t17")
page("Email", "Email", "==", "nobody@example.com")
page("createTime, all", "createTime", ">=", "2020-01-01")
page("Age, unindexed", "Age", ">=", "18")
box:close()

box, ms = opened(path)
print(("open the file again             %8.0f ms"):format(ms))
box:close()
for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
