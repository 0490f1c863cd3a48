#!/usr/bin/env lua
-- The program `sendcloud`. LuaRocks installs it under that name.
os.exit(require("sendcloud.cli").main(arg), true)
