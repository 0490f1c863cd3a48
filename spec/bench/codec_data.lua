-- Made-up contacts for the codec's bench: the same ones every time.

local M = {}

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = word end
  return list
end

local FIRST = words "james mary wei li jose anna peter olga tom lucy chen yuki ravi maria ivan emma noah liam sofia hans"
local LAST = words "smith wang zhang li garcia muller tanaka patel ivanov brown johnson lee kim nguyen rossi silva khan"
local HOSTS = words "gmail.com qq.com 163.com outlook.com yahoo.com.sg hotmail.com example.org company-mail.co.uk"
local CHINESE = words "朱锁锁 王伟 李娜 张敏 刘洋 陈静 杨帆 赵磊 黄丽 周杰"
local CITIES = words "Shanghai Beijing Shenzhen Guangzhou London Berlin Tokyo 杭州 成都 南京"
local TAGS = words "vip newsletter trial churned 2024-campaign 会员 beta partner"

-- Park and Miller's generator: the same numbers on every Lua.
local seed = 20240607
local function random(n)
  seed = seed * 16807 % 2147483647
  return seed % n + 1
end

local function pick(list)
  return list[random(#list)]
end

local function id()
  return ("62%06x%08x%08x"):format(random(0xffffff), random(0x7fffffff), random(0x7fffffff))
end

local function name()
  local first, last = pick(FIRST), pick(LAST)
  local kind = random(100)
  if kind <= 30 then return pick(CHINESE) end
  if kind <= 32 then return ('%s "%s" %s'):format(first, last:sub(1, 2):upper(), last) end
  return first .. " " .. last
end

local function tags()
  local list = {}
  for i = 1, random(4) - 1 do list[i] = pick(TAGS) end
  return list
end

--- Members as a script would give them to upsert.
function M.members(n)
  local list = {}
  for i = 1, n do
    list[i] = {
      email = ("%s.%s%d@%s"):format(pick(FIRST), pick(LAST), i, pick(HOSTS)),
      phone = random(20) > 1 and ("1%d%09d"):format(random(7) + 2, random(999999999)) or nil,
      name = name(),
      fields = {
        Birthday = ("%02d/%02d"):format(random(12), random(28)),
        Age = tostring(random(60) + 18),
        Gender = random(3) < 3 and pick { "男", "女" } or nil,
        City = pick(CITIES),
      },
      tags = tags(),
    }
  end
  return list
end

local function quoted(text)
  return text and '"' .. text:gsub('"', '\\"') .. '"' or "null"
end

local function quoted_list(list)
  local out = {}
  for i, text in ipairs(list) do out[i] = quoted(text) end
  return "[" .. table.concat(out, ",") .. "]"
end

local function time()
  return ("2022-%02d-%02d %02d:%02d:%02d"):format(random(12), random(28), random(24) - 1,
    random(60) - 1, random(60) - 1)
end

--- A page as the service answers it: no blanks, nulls for what is not set.
function M.page(n)
  local ids, rows = {}, {}
  for _, tag in ipairs(TAGS) do ids[tag] = id() end
  for i, member in ipairs(M.members(n)) do
    local of_tags, created = {}, time()
    for j, tag in ipairs(member.tags) do of_tags[j] = ids[tag] end
    rows[i] = ('{"id":"%s","listId":63486,"userId":99229,"email":%s,"phone":%s,"name":%s,'
      .. '"createTime":"%s","updateTime":"%s","unsubscribeTime":%s,'
      .. '"fields":{"Birthday":%s,"Age":%s,"Gender":%s,"City":%s},"tags":%s,"tagNames":%s,'
      .. '"createTimeFmt":"%s","updateTimeFmt":null,"unsubscribeTimeFmt":null}'):format(
      id(), quoted(member.email), quoted(member.phone), quoted(member.name), created, time(),
      quoted(random(20) == 1 and time() or nil), quoted(member.fields.Birthday),
      quoted(member.fields.Age), quoted(member.fields.Gender or ""), quoted(member.fields.City),
      of_tags[1] and quoted_list(of_tags) or "null", quoted_list(member.tags), created)
  end
  return '{"list":[' .. table.concat(rows, ",") .. '],"total":50000}'
end

--- The answer to an upsert of these members.
function M.answer(members)
  local rows = {}
  for i, member in ipairs(members) do
    rows[i] = ('{"email":"%s","id":"%s"}'):format(member.email, id())
  end
  return ('{"totalInserted":%d,"insertedMembers":[%s],"totalUpdated":0,"updatedMembers":[],'
    .. '"errorCount":0,"errors":[]}'):format(#members, table.concat(rows, ","))
end

return M
