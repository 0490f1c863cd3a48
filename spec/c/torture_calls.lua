-- The scenario that torture_calls.c runs over and over: every part of the C core and of the
-- sandbox is met once. It raises nothing by itself; what a failed allocation does is no matter
-- here, as long as it is an error and nothing else.

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path

local sendcloud = require "sendcloud"
local sandbox = require "sendcloud.sandbox"

local strict = true -- the first run must succeed, so that the scenario is worth running

local function must(value, err)
  if strict and not value then
    error(err, 0)
  end
  return value
end

local function in_process(box)
  local client = must(box:client { transport = "sandbox", retry = false })
  if not client then
    return
  end
  local written = must(client.members:upsert({
    { email = "a@example.com", name = "李磊", fields = { Age = 31 }, tags = { "vip" } },
    { email = "b@example.com", phone = "1", fields = { City = "上海" }, tags = {} },
    { email = "no-at" },
  }))
  local page = must(client.members:list { where = sendcloud.where.tag:eq "vip", count = 1 })
  if page and page[1] then
    must(client.members:get(page[1].id))
    must(client.members:update(page[1].id, { name = "x", phone = sendcloud.null }))
    local tag = must(client.tags:ensure("t"))
    if tag then
      must(tag:add { page[1].id })
      must(tag:delete())
    end
  end
  local where = sendcloud.where.parse 'Age >= 18 and Email contain "@"'
  local segment = where and must(client.segments:create { name = "s", where = where })
  if segment then
    must(client.segments:wait(segment.id))
    must(segment:delete())
  end
  client.members:upsert { { email = "\255" } }
  must(client:request { method = "GET", path = "/none" } or true)
  must(client.members:delete_where(sendcloud.everyone))
  client:close()
  return written
end

-- Requests that fail and are sent again, and pages fetched ahead of who reads them.
local function under_faults(box)
  local client = must(box:client { transport = "sandbox", on_event = function() end })
  if not client then
    return
  end
  for _, fault in ipairs {
    { status = 503, retry_after = 1 }, { reset = "after" }, { truncate = true }, { status = 429 },
  } do
    fault.operation, fault.times = "*", 1
    box:fault(fault)
  end
  must(client.members:upsert { { email = "c@example.com" }, { email = "d@example.com" } })
  local left = 3
  for member in client.members:each { page_size = 1 } do
    left = left - 1
    if left == 0 or not member then
      break
    end
  end
  client:close()
end

local function over_http(box)
  local client = must(box:client { retry = false, timeout = 0.5, connect_timeout = 0.5 })
  if client then
    local page = must(client.members:list { count = 1 })
    if page and page[1] then must(client.members:get(page[1].id)) end
    client:parallel {
      function() return client.members:list { count = 2 } end,
      function() return client.tags:list {} end,
    }
    client:close()
  end
end

return function()
  local box = must(sandbox.start { port = 0, seed = 1 })
  if not box then
    return
  end
  local ok, err = pcall(in_process, box)
  local ok_faults, err_faults = pcall(under_faults, box)
  local ok_http, err_http = pcall(over_http, box)
  box:stop()
  if strict then
    assert(ok, err)
    assert(ok_faults, err_faults)
    assert(ok_http, err_http)
  end
  strict = false
end
