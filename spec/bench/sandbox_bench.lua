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
  return os.clock() - from, answer.body
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

-- The first page, which counts the total; the second; one from the middle, asked for out of the blue and once more.
local function page(what, field, op, value)
  local body = field and ('{"condition":{"relation":"and","items":[{"fieldName":"%s","op":"%s","value":"%s"}]}}')
    :format(field, op, value) or "{}"
  local function took(offset)
    local seconds, answer = ask(box, ("listMembers?count=100&offset=%d"):format(offset), body)
    return seconds * 1000, tonumber(answer:match('"total":(%d+)'))
  end
  local first, total = took(0)
  local middle = math.floor(total / 2)
  print(("page of 100 by %-16s %8.2f ms, the next %.2f ms, from the middle %.2f ms, behind it %.2f ms"):format(
    what, first, (took(100)), (took(middle)), (took(middle + 100))))
end
page("nothing")
page("tag of 5,000", "tag", "==", "t17")
page("tag of everybody", "tag", "==", "import")
page("Email", "Email", "==", "u9e37.1@example1.com")
page("createTime, all", "createTime", ">=", "2020-01-01")
page("createTime, none", "createTime", "<", "2020-01-01")
page("Age, unindexed", "Age", ">=", "18")
page("updateTime, same", "updateTime", ">=", "2020-01-01")
page("domain, same", "domain", "==", "example7.com")
box:close()

box, ms = opened(path)
print(("open the file again             %8.0f ms"):format(ms))
box:close()
for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(path .. ending) end
