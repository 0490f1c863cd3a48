-- The rocks: their lists match the tree, and they install from an offline server into an empty
-- tree, from which the main job runs.

local tree = require "spec.house.tree"

local VERSION = _VERSION:match("%d+%.%d+")
local INTERPRETER = { ["5.4"] = "lua5.4", ["5.1"] = "lua5.1" }
-- LuaJIT loads what PUC 5.1 installs; one of the two is enough.
local installs = INTERPRETER[VERSION] and not rawget(_G, "jit")

-- Runs shell lines; raises with their output when one fails.
local function sh(script, ...)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write("set -eu\nunset LD_PRELOAD LUA_PATH LUA_CPATH LUA_INIT\n", script:format(...))
  file:close()
  local pipe = assert(io.popen("sh " .. name .. " 2>&1 </dev/null; echo \"exit=$?\""))
  local output = pipe:read("*a")
  pipe:close()
  os.remove(name)
  local code = output:match("exit=(%d+)\n$")
  assert(code == "0", output)
  return (output:gsub("exit=%d+\n$", ""))
end

local function scratch()
  local name = os.tmpname()
  os.remove(name)
  sh("mkdir -p %s", name)
  return name
end

describe("the rockspecs", function()
  it("list what the tree holds (`make rockspec` writes them)", function()
    local dir = scratch()
    sh("lua5.4 .ci/rockspec.lua %s", dir)
    for _, path in ipairs(tree.find("rockspec -name '*-scm-1.rockspec'")) do
      local made = tree.read(dir .. "/" .. path:match("[^/]*$"))
      assert.equal(made, tree.read(path), path .. " is out of date")
    end
    sh("rm -rf %s", dir)
  end)

  it("are two", function()
    assert.same({ "rockspec/sendcloud-sandbox-scm-1.rockspec", "rockspec/sendcloud-scm-1.rockspec" },
      tree.find("rockspec -name '*-scm-1.rockspec'"))
  end)
end)

if not installs then
  return
end

describe("an offline rocks server", function()
  local dir, lua

  setup(function()
    dir, lua = scratch(), INTERPRETER[VERSION]
    local config = assert(io.open(dir .. "/config.lua", "w"))
    -- Debian's lua-cjson stands for the rock; everything else must come from the server.
    config:write(('rocks_provided = { ["lua-cjson"] = "2.1.0-1" }\nhome_tree = %q\n'
      .. 'variables = { CFLAGS = "-O0 -fPIC" }\n'):format(dir .. "/home"))
    config:close()
    sh([[
      mkdir -p %s/src/sendcloud-lua %s/server
      tar -cf - --exclude='*.o' --exclude='*.so' csrc lua rockspec examples LICENSE README.md |
        tar -xf - -C %s/src/sendcloud-lua
      tar -czf %s/sendcloud-lua.tar.gz -C %s/src sendcloud-lua
    ]], dir, dir, dir, dir, dir)
    for _, path in ipairs(tree.find("rockspec -name '*-scm-1.rockspec'")) do
      local text, count = tree.read(path):gsub("url = \"[^\"]*\"",
        ("url = %q, dir = \"sendcloud-lua\""):format("file://" .. dir .. "/sendcloud-lua.tar.gz"))
      assert.equal(1, count)
      local copy = assert(io.open(dir .. "/server/" .. path:match("[^/]*$"), "w"))
      copy:write(text)
      copy:close()
    end
    sh([[
      cd %s/server
      export HOME=%s LUAROCKS_CONFIG=%s/config.lua
      for spec in *.rockspec; do luarocks --lua-version %s pack $spec; done
      luarocks-admin --lua-version %s make_manifest .
    ]], dir, dir, dir, VERSION, VERSION)
  end)

  teardown(function()
    sh("rm -rf %s", dir)
  end)

  it("has a core rock that stands alone in an empty tree", function()
    sh([[
      export HOME=%s LUAROCKS_CONFIG=%s/config.lua
      luarocks --lua-version %s install --tree=%s/tree --only-server=%s/server sendcloud
      test ! -e %s/tree/lib/lua/%s/sendcloud/sandbox
      export LUA_PATH='%s/tree/share/lua/%s/?.lua;%s/tree/share/lua/%s/?/init.lua;;'
      export LUA_CPATH='%s/tree/lib/lua/%s/?.so;;'
      cd /
      %s -e 'assert(require("sendcloud")._VERSION)'
      %s/tree/bin/sendcloud --version
      ! %s/tree/bin/sendcloud sandbox 2>%s/said
      grep -q '^sendcloud: the sandbox is not installed here' %s/said
    ]], dir, dir, VERSION, dir, dir, dir, VERSION, dir, VERSION, dir, VERSION, dir, VERSION, lua,
      dir, dir, dir, dir)
  end)

  it("has the sandbox's rock beside it, and the main job runs from there", function()
    sh([[
      export HOME=%s LUAROCKS_CONFIG=%s/config.lua
      luarocks --lua-version %s install --tree=%s/tree --only-server=%s/server sendcloud-sandbox
    ]], dir, dir, VERSION, dir, dir)
    local output = sh([[
      cd %s
      export LUA_PATH='%s/tree/share/lua/%s/?.lua;%s/tree/share/lua/%s/?/init.lua;;'
      export LUA_CPATH='%s/tree/lib/lua/%s/?.so;;'
      %s %s/tree/lib/luarocks/rocks-%s/sendcloud/scm-1/examples/newsletter.lua
    ]], dir, dir, VERSION, dir, VERSION, dir, VERSION, lua, dir, VERSION)
    assert.truthy(output:find("1980", 1, true), output)
  end)

  -- LuaRocks passes no -fvisibility=hidden: the headers say it.
  it("shows the world nothing but what Lua opens the modules by", function()
    for module, name in pairs { ["core"] = "core", ["sandbox/core"] = "sandbox_core" } do
      assert.equal("luaopen_sendcloud_" .. name .. "\n", sh([[
        nm -D --defined-only %s/tree/lib/lua/%s/sendcloud/%s.so | awk '{ print $3 }' | grep -v '^_\(init\|fini\)$'
      ]], dir, VERSION, module))
    end
  end)
end)
