-- The sandbox as a server whose answers take 50 ms, until standard input ends:
--
--   lua5.4 sandbox.lua

local box = require("sendcloud.sandbox").start { port = 0 }
box:fault { delay = 0.05 }
io.stdout:write(box.url, "\n")
io.stdout:flush()
io.stdin:read("*a")
box:stop()
