-- What goes wrong and how it looks: a call returns a result, or nil and an error object.

local sendcloud = require "sendcloud"

local box = require("sendcloud.sandbox").start { port = 0 }
local client = box:client { retry = false }

local function show(title, err)
  print(title)
  print("  " .. tostring(err))
  print(("  kind=%s outcome=%s parameter=%s"):format(err.kind, tostring(err.outcome),
    tostring(err.parameter)))
end

-- Found before anything is sent: the parameter's path and the limit it broke.
local _, err = client.members:upsert { { email = "a@example.com" }, { name = "A" } }
show("a member without an address", err)

_, err = client.segments:create { name = "50% off?", where = sendcloud.where.Age:ge(18) }
show("a name the service would refuse", err)

-- Deleting everybody has to be said in so many words.
_, err = client.members:delete_where({})
show("no condition", err)

-- The service's own no.
_, err = client.members:get("000000000000000000000000")
show("nobody has this id", err)

-- The connection breaks after the service acted: `outcome` says that it may have.
box:fault { operation = "tags.create", nth = 1, reset = "after" }
_, err = client.tags:create("vip")
show("a reset in the middle of a write", err)

-- Too many calls. With `retry` (the default) the client waits and tries again.
box:fault { operation = "tags.list", nth = 1, status = 429, retry_after = 1 }
_, err = client.tags:list {}
show("too many calls", err)
print("  retry_after=" .. tostring(err.retry_after))

box:stop()
