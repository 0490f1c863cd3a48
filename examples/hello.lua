-- The shortest script: one member in, one page out.

local sendcloud = require "sendcloud"

-- For the real service: sendcloud.new { api_user = …, api_key = … }
local box = require("sendcloud.sandbox").start { port = 0 }
local client = box:client {}

local result = assert(client.members:upsert {
  { email = "li.lei@example.com", name = "李磊", fields = { Age = 31 }, tags = { "vip" } },
})
print("inserted " .. result.inserted_count)

local page = assert(client.members:list { where = sendcloud.where.tag:eq "vip" })
for _, member in ipairs(page) do
  print(member.email, member.name, member.fields.Age)
end

box:stop()
