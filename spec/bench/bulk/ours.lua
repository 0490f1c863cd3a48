-- The library at the bench's jobs:
--
--   lua5.4 ours.lua import|tables|transform|export|each URL IN_FLIGHT ROWS FILE

local sendcloud = require "sendcloud"

local job, url, width, rows, path = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4]), arg[5]
local client = assert(sendcloud.new {
  api_user = "api_user", api_key = "api_key", base_url = url, concurrency = width,
})

local jobs = {}

function jobs.import()
  return assert(client.members:import(path, { limit = rows })).inserted
end

function jobs.transform()
  return assert(client.members:import(path, {
    limit = rows, transform = function(member) return member end,
  })).inserted
end

-- The same tables again and again: making them is not the library's work.
function jobs.tables()
  local made, list = {}, {}
  for i = 1, 20000 do
    made[i] = { email = ("james.wang%d@outlook.com"):format(i), phone = "13812345678", name = "王伟",
      fields = { Birthday = "01/02", Age = "33", Gender = "男", City = "Shanghai" },
      tags = { "vip", "newsletter" } }
  end
  for i = 1, rows do list[i] = made[(i - 1) % 20000 + 1] end
  return assert(client.members:import(list)).inserted
end

function jobs.export()
  return assert(client.members:export(path, { limit = rows })).rows
end

function jobs.each()
  local n = 0
  for member in client.members:each { limit = rows } do
    if member.email then n = n + 1 end
  end
  return n
end

local done = jobs[job]()
client:close()
assert(done == rows, done)
