-- Made by .ci/rockspec.lua from the tree; `make rockspec` makes it anew.
rockspec_format = "3.0"
package = "sendcloud"
version = "scm-1"
source = {
  -- Where the repository is published. `luarocks make` does not look at it.
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
  modules = {
    ["sendcloud.core"] = {
      sources = {
        "csrc/core/buf.c",
        "csrc/core/core.c",
        "csrc/core/lua_util.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "m", "pthread" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
      ["sendcloud.errors"] = "lua/sendcloud/errors.lua",
      ["sendcloud.nearest"] = "lua/sendcloud/nearest.lua",
      ["sendcloud.provider.engagelab"] = "lua/sendcloud/provider/engagelab.lua",
      ["sendcloud.provider.sendcloud"] = "lua/sendcloud/provider/sendcloud.lua",
  },
}
