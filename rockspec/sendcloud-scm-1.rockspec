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
        "csrc/core/csv.c",
        "csrc/core/http.c",
        "csrc/core/http_failure.c",
        "csrc/core/http_request.c",
        "csrc/core/json_read.c",
        "csrc/core/json_write.c",
        "csrc/core/lines.c",
        "csrc/core/lines_write.c",
        "csrc/core/lua_batch.c",
        "csrc/core/lua_credential.c",
        "csrc/core/lua_file.c",
        "csrc/core/lua_http.c",
        "csrc/core/lua_lines.c",
        "csrc/core/lua_map.c",
        "csrc/core/lua_put.c",
        "csrc/core/lua_request.c",
        "csrc/core/lua_rows.c",
        "csrc/core/lua_shape.c",
        "csrc/core/lua_shape_compile.c",
        "csrc/core/lua_shape_read.c",
        "csrc/core/lua_shape_write.c",
        "csrc/core/lua_take.c",
        "csrc/core/lua_util.c",
        "csrc/core/rows_answer.c",
        "csrc/core/rows_batch.c",
        "csrc/core/rows_fold.c",
        "csrc/core/rows_plan.c",
        "csrc/core/rows_write.c",
        "csrc/core/shape.c",
        "csrc/core/utf8.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "m", "pthread" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
      ["sendcloud.answer"] = "lua/sendcloud/answer.lua",
      ["sendcloud.batches"] = "lua/sendcloud/batches.lua",
      ["sendcloud.call"] = "lua/sendcloud/call.lua",
      ["sendcloud.checkpoint"] = "lua/sendcloud/checkpoint.lua",
      ["sendcloud.chunks"] = "lua/sendcloud/chunks.lua",
      ["sendcloud.client"] = "lua/sendcloud/client.lua",
      ["sendcloud.columns"] = "lua/sendcloud/columns.lua",
      ["sendcloud.condition"] = "lua/sendcloud/condition.lua",
      ["sendcloud.condition_text"] = "lua/sendcloud/condition_text.lua",
      ["sendcloud.config"] = "lua/sendcloud/config.lua",
      ["sendcloud.errors"] = "lua/sendcloud/errors.lua",
      ["sendcloud.events"] = "lua/sendcloud/events.lua",
      ["sendcloud.export"] = "lua/sendcloud/export.lua",
      ["sendcloud.handle"] = "lua/sendcloud/handle.lua",
      ["sendcloud.import"] = "lua/sendcloud/import.lua",
      ["sendcloud"] = "lua/sendcloud/init.lua",
      ["sendcloud.layout"] = "lua/sendcloud/layout.lua",
      ["sendcloud.loop"] = "lua/sendcloud/loop.lua",
      ["sendcloud.members"] = "lua/sendcloud/members.lua",
      ["sendcloud.nearest"] = "lua/sendcloud/nearest.lua",
      ["sendcloud.pages"] = "lua/sendcloud/pages.lua",
      ["sendcloud.parallel"] = "lua/sendcloud/parallel.lua",
      ["sendcloud.plan"] = "lua/sendcloud/plan.lua",
      ["sendcloud.policy"] = "lua/sendcloud/policy.lua",
      ["sendcloud.privacy"] = "lua/sendcloud/privacy.lua",
      ["sendcloud.progress"] = "lua/sendcloud/progress.lua",
      ["sendcloud.provider.engagelab"] = "lua/sendcloud/provider/engagelab.lua",
      ["sendcloud.provider.sendcloud"] = "lua/sendcloud/provider/sendcloud.lua",
      ["sendcloud.rate"] = "lua/sendcloud/rate.lua",
      ["sendcloud.reconcile"] = "lua/sendcloud/reconcile.lua",
      ["sendcloud.records"] = "lua/sendcloud/records.lua",
      ["sendcloud.rejects"] = "lua/sendcloud/rejects.lua",
      ["sendcloud.request"] = "lua/sendcloud/request.lua",
      ["sendcloud.resume"] = "lua/sendcloud/resume.lua",
      ["sendcloud.segments"] = "lua/sendcloud/segments.lua",
      ["sendcloud.source"] = "lua/sendcloud/source.lua",
      ["sendcloud.spool"] = "lua/sendcloud/spool.lua",
      ["sendcloud.tags"] = "lua/sendcloud/tags.lua",
      ["sendcloud.time"] = "lua/sendcloud/time.lua",
      ["sendcloud.transport.curl"] = "lua/sendcloud/transport/curl.lua",
      ["sendcloud.transport.function"] = "lua/sendcloud/transport/function.lua",
      ["sendcloud.types"] = "lua/sendcloud/types.d.lua",
      ["sendcloud.version"] = "lua/sendcloud/version.lua",
      ["sendcloud.yieldable"] = "lua/sendcloud/yieldable.lua",
  },
}
