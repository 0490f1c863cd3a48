-- What the bench imports and what its server answers, the same in every run:
--
--   lua5.4 data.lua FOLDER ROWS     writes contacts.csv, answer.json, page.json there

local folder, rows = arg[1], tonumber(arg[2])

local state = 20261122
local function random(n)
  state = state * 16807 % 2147483647
  return state % n + 1
end
local function one(list) return list[random(#list)] end

local FIRST = { "james", "mary", "wei", "li", "jose", "anna", "peter", "olga", "tom", "yuki", "ravi", "emma" }
local LAST = { "smith", "wang", "zhang", "li", "garcia", "muller", "tanaka", "patel", "brown", "kim", "rossi" }
local HOST = { "gmail.com", "qq.com", "163.com", "outlook.com", "hotmail.com", "example.org", "company-mail.co.uk" }
local CHINESE = { "朱锁锁", "王伟", "李娜", "张敏", "刘洋", "陈静", "杨帆", "赵磊", "黄丽", "周杰" }
local CITY = { "Shanghai", "Beijing", "Shenzhen", "London", "Berlin", "Tokyo", "杭州", "成都", "南京" }
local TAG = { "vip", "newsletter", "trial", "churned", "2024-campaign", "会员", "beta", "partner" }

local function title(word) return (word:gsub("^%l", string.upper)) end

local function contact(i)
  local first, last = one(FIRST), one(LAST)
  local name, dice = title(first) .. " " .. title(last), random(100)
  if dice <= 30 then
    name = one(CHINESE)
  elseif dice <= 40 then
    name = title(last) .. ", " .. title(first)
  elseif dice <= 42 then
    name = ('%s "%s" %s'):format(title(first), last:sub(1, 2):upper(), title(last))
  end
  local tags, from = {}, random(#TAG)
  for k = 1, random(4) - 1 do tags[k] = TAG[(from + k) % #TAG + 1] end
  return {
    email = ("%s.%s%d@%s"):format(first, last, i, one(HOST)),
    phone = random(20) == 1 and "" or ("1%d%09d"):format(random(6) + 2, random(999999999)),
    name = name, birthday = ("%02d/%02d"):format(random(12), random(28)),
    age = tostring(random(60) + 18), gender = one { "男", "女", "" }, city = one(CITY), tags = tags,
  }
end

local function cell(text)
  return text:find('[,"]') and '"' .. text:gsub('"', '""') .. '"' or text
end

local function quote(text) return '"' .. text:gsub('["\\]', "\\%0") .. '"' end

local function hex() return ("62%011x%011x"):format(random(2 ^ 30), random(2 ^ 30)) end

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "wb"))
  file:write(text)
  file:close()
end

local file = assert(io.open(folder .. "/contacts.csv", "wb"))
file:write("email,phone,name,Birthday,Age,Gender,City,tags\n")
local inserted, page = {}, {}
for i = 1, rows do
  local c = contact(i)
  file:write(table.concat({ c.email, c.phone, cell(c.name), c.birthday, c.age, c.gender, c.city,
    table.concat(c.tags, ";") }, ","), "\n")
  if i <= 1000 then
    inserted[i] = ('{"email":"%s","id":"%s"}'):format(c.email, hex())
  end
  if i <= 100 then
    local ids, names = {}, {}
    for k, tag in ipairs(c.tags) do ids[k], names[k] = quote(hex()), quote(tag) end
    local time = ("2022-%02d-%02d 11:22:33"):format(random(12), random(28))
    page[i] = ('{"id":"ID","listId":63486,"userId":99229,"email":"%s","phone":%s,"name":%s,'
      .. '"createTime":"%s","updateTime":"%s","unsubscribeTime":null,"fields":{"Birthday":"%s",'
      .. '"Age":"%s","Gender":"%s","City":"%s"},"tags":%s,"tagNames":[%s],"createTimeFmt":"%s",'
      .. '"updateTimeFmt":null,"unsubscribeTimeFmt":null}'):format(c.email,
      c.phone ~= "" and quote(c.phone) or "null", quote(c.name), time, time, c.birthday, c.age,
      c.gender, c.city, #ids > 0 and "[" .. table.concat(ids, ",") .. "]" or "null",
      table.concat(names, ","), time)
  end
end
file:close()
write("answer.json", '{"totalInserted":1000,"insertedMembers":[' .. table.concat(inserted, ",")
  .. '],"totalUpdated":0,"updatedMembers":[],"errorCount":0,"errors":[]}')
write("page.json", '{"list":[' .. table.concat(page, ",") .. '],"total":TOTAL}')
