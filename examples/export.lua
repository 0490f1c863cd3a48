-- The members of a condition, into a CSV file: `lua5.4 examples/export.lua [adults.csv]`.

local sendcloud = require "sendcloud"

local here = arg[0]:match("^(.*/)") or "./"
local target = arg[1] or os.tmpname() .. ".csv"

local box = require("sendcloud.sandbox").start { port = 0 }
local client = box:client {}
assert(client.members:import(here .. "contacts.csv"))

local report = assert(client.members:export(target, {
  where = sendcloud.where.parse 'Age >= 18 and City == "上海"',
  spreadsheet = true, -- cells that a spreadsheet would run are written so that it does not
}))
print(("%d members, %d requests"):format(report.rows, report.requests))

local lines = io.lines(target)
for _ = 1, 4 do
  print(lines())
end
print("…")

if not arg[1] then
  os.remove(target)
end
box:stop()
