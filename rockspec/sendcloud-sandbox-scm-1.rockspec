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
        "csrc/sandbox/addresses.c",
        "csrc/sandbox/admin.c",
        "csrc/sandbox/answer.c",
        "csrc/sandbox/box.c",
        "csrc/sandbox/call.c",
        "csrc/sandbox/condition.c",
        "csrc/sandbox/contact.c",
        "csrc/sandbox/database.c",
        "csrc/sandbox/engagelab.c",
        "csrc/sandbox/engine.c",
        "csrc/sandbox/evaluate.c",
        "csrc/sandbox/faults.c",
        "csrc/sandbox/fields.c",
        "csrc/sandbox/front.c",
        "csrc/sandbox/functions.c",
        "csrc/sandbox/guests.c",
        "csrc/sandbox/handle.c",
        "csrc/sandbox/holder_table.c",
        "csrc/sandbox/holders.c",
        "csrc/sandbox/ids.c",
        "csrc/sandbox/json.c",
        "csrc/sandbox/judge.c",
        "csrc/sandbox/listen.c",
        "csrc/sandbox/listing.c",
        "csrc/sandbox/log.c",
        "csrc/sandbox/lua_box.c",
        "csrc/sandbox/lua_exchange.c",
        "csrc/sandbox/lua_fault.c",
        "csrc/sandbox/lua_store.c",
        "csrc/sandbox/members.c",
        "csrc/sandbox/pauses.c",
        "csrc/sandbox/reply.c",
        "csrc/sandbox/route.c",
        "csrc/sandbox/segments.c",
        "csrc/sandbox/select.c",
        "csrc/sandbox/select_item.c",
        "csrc/sandbox/sendcloud.c",
        "csrc/sandbox/server.c",
        "csrc/sandbox/store.c",
        "csrc/sandbox/switches.c",
        "csrc/sandbox/tagging.c",
        "csrc/sandbox/tags.c",
        "csrc/sandbox/upsert.c",
        "csrc/sandbox/walk.c",
        "csrc/sandbox/wire.c",
        "csrc/sandbox/worker.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "microhttpd", "sqlite3", "m", "pthread" },
      incdirs = { "$(MICROHTTPD_INCDIR)", "$(SQLITE_INCDIR)" },
      libdirs = { "$(MICROHTTPD_LIBDIR)", "$(SQLITE_LIBDIR)" },
    },
      ["sendcloud.sandbox"] = "lua/sendcloud/sandbox.lua",
      ["sendcloud.sandbox.check"] = "lua/sendcloud/sandbox/check.lua",
      ["sendcloud.sandbox.fault"] = "lua/sendcloud/sandbox/fault.lua",
      ["sendcloud.sandbox.load"] = "lua/sendcloud/sandbox/load.lua",
      ["sendcloud.transport.sandbox"] = "lua/sendcloud/transport/sandbox.lua",
  },
}
