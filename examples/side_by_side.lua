-- A hundred calls, eight at a time, on one thread: inside `parallel` a call that waits
-- lets the others go on, and nothing about the call itself changes.

local box = require("sendcloud.sandbox").start { port = 0 }
local client = box:client {}

local members = {}
for i = 1, 100 do
  members[i] = { email = ("user%03d@example.com"):format(i) }
end
local result = assert(client.members:upsert(members))

local tasks = {}
for i, written in ipairs(result.inserted) do
  tasks[i] = function()
    return client.members:get(written.id)
  end
end
tasks[#tasks + 1] = function()
  return client.members:get("000000000000000000000000")
end

local results, errors = client:parallel(tasks, { concurrency = 8 })
local found, failed = 0, 0
for i = 1, #tasks do
  if results[i] then
    found = found + 1
  else
    failed = failed + 1
    print(("task %d: %s"):format(i, tostring(errors[i])))
  end
end
print(("%d found, %d failed"):format(found, failed))

box:stop()
