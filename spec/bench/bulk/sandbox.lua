-- The sandbox as a server whose answers take DELAY seconds, until standard input ends:
--
--   lua5.4 sandbox.lua DELAY

local delay = tonumber(arg[1])

local box = require("sendcloud.sandbox").start { port = 0 }
if delay > 0 then box:fault { delay = delay } end
io.stdout:write(box.url, "\n")
io.stdout:flush()
io.stdin:read("*a")
box:stop()
