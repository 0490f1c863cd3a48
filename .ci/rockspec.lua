-- Writes the two rockspecs from what is in the tree:   lua5.4 .ci/rockspec.lua [folder]
--
-- The sandbox's rock holds csrc/sandbox and the Lua files that need it, the core's rock
-- everything else. A rockspec cannot list files by a pattern, so the lists are made here;
-- spec/rockspec_spec.lua fails when they no longer match the tree.

local folder = arg and arg[1] or "rockspec"

local PROGRAM = "lua/sendcloud/cli/sendcloud.lua" -- installed as a command, not as a module

local function lines(command)
  local pipe = assert(io.popen("LC_ALL=C " .. command))
  local found = {}
  for line in pipe:lines() do
    found[#found + 1] = line
  end
  pipe:close()
  return found
end

local function is_sandbox(path)
  return path:find("^lua/sendcloud/sandbox")
    or path == "lua/sendcloud/transport/sandbox.lua"
end

local function module_name(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("%.d$", ""):gsub("/init$", "")
    :gsub("/", "."))
end

local function lua_modules(wanted)
  local out = {}
  for _, path in ipairs(lines("find lua -name '*.lua' | sort")) do
    if (is_sandbox(path) and true or false) == wanted and path ~= PROGRAM then
      out[#out + 1] = ("      [%q] = %q,"):format(module_name(path), path)
    end
  end
  return table.concat(out, "\n")
end

local function sources(dir)
  local out = {}
  for _, path in ipairs(lines("find " .. dir .. " -name '*.c' | sort")) do
    out[#out + 1] = ("        %q,"):format(path)
  end
  return table.concat(out, "\n")
end

local core = [[
-- Made by .ci/rockspec.lua from the tree; `make rockspec` makes it anew.
rockspec_format = "3.0"
package = "sendcloud"
version = "scm-1"
source = {
  -- A placeholder until the repository has a public address: `luarocks make` in a
  -- checkout does not look at it, and nothing else works before.
  url = "git+https://git.example.org/sendcloud-lua.git",
}
description = {
  summary = "SendCloud and EngageLab contact lists from Lua",
  detailed = [=[
    Members, tags and segments of SendCloud's and EngageLab's marketing lists, single
    calls and bulk work, on a C core. One script for both services, in plain Lua and in
    nginx.
  ]=],
  license = "MIT",
  labels = { "email", "http", "marketing", "openresty" },
}
dependencies = {
  "lua >= 5.1, < 5.5",
  "lua-cjson >= 2.1.0",
}
-- By library, not by header: Debian keeps curl's headers in a folder per architecture.
external_dependencies = {
  CURL = { library = "curl" },
}
build = {
  type = "builtin",
  copy_directories = { "examples" },
  install = { bin = { sendcloud = "lua/sendcloud/cli/sendcloud.lua" } },
  modules = {
    ["sendcloud.core"] = {
      sources = {
%s
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "m", "pthread" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
%s
  },
}
]]

local sandbox = [[
-- Made by .ci/rockspec.lua from the tree; `make rockspec` makes it anew.
rockspec_format = "3.0"
package = "sendcloud-sandbox"
version = "scm-1"
source = {
  -- A placeholder until the repository has a public address: `luarocks make` in a
  -- checkout does not look at it, and nothing else works before.
  url = "git+https://git.example.org/sendcloud-lua.git",
}
description = {
  summary = "A local SendCloud and EngageLab to develop and test against",
  detailed = [=[
    The emulator of both services' contact lists that goes with the rock sendcloud: over
    HTTP on loopback and in process, with faults, a clock that tests move, and a record of
    requests.
  ]=],
  license = "MIT",
  labels = { "email", "testing" },
}
dependencies = {
  "lua >= 5.1, < 5.5",
  "sendcloud",
}
external_dependencies = {
  MICROHTTPD = { library = "microhttpd" },
  SQLITE = { library = "sqlite3" },
}
build = {
  type = "builtin",
  modules = {
    ["sendcloud.sandbox.core"] = {
      sources = {
%s
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "microhttpd", "sqlite3", "m", "pthread" },
      incdirs = { "$(MICROHTTPD_INCDIR)", "$(SQLITE_INCDIR)" },
      libdirs = { "$(MICROHTTPD_LIBDIR)", "$(SQLITE_LIBDIR)" },
    },
%s
  },
}
]]

local function write(name, text)
  local file = assert(io.open(folder .. "/" .. name, "w"))
  assert(file:write(text))
  assert(file:close())
end

write("sendcloud-scm-1.rockspec",
  core:format(sources("csrc/core"), lua_modules(false)))
write("sendcloud-sandbox-scm-1.rockspec",
  sandbox:format(sources("csrc/sandbox"), lua_modules(true)))
