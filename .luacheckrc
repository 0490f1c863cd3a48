std = "lua51+lua52+lua53+lua54+luajit"
max_line_length = 100
exclude_files = { "lua/sendcloud/types.d.lua", "build", "lua_modules" }
-- `_` and names that begin with it are not used on purpose; `self` comes with the colon.
self = false
ignore = { "212/_.*", "213" }
files["lua"] = { read_globals = { "ngx", "jit" } }
files["spec"] = { std = "+busted", read_globals = { "ngx", "jit" }, max_line_length = 130 }
files["examples/openresty"] = { globals = { "ngx" } }
