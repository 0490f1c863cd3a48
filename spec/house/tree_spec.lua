-- The top of the tree and what must not be in it.

local tree = require "spec.house.tree"

local TOP = {
  "csrc", "lua", "rockspec", "spec", "examples",
  "Makefile", "README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md",
}

local function tracked()
  local pipe = io.popen("git ls-files 2>/dev/null")
  local files = {}
  for path in pipe:lines() do
    files[#files + 1] = path
  end
  pipe:close()
  return files
end

describe("the top of the tree", function()
  it("holds what it should and nothing else", function()
    local allowed = {}
    for _, name in ipairs(TOP) do
      allowed[name] = true
      assert(os.rename(name, name), name .. " is missing")
    end
    for _, path in ipairs(tracked()) do
      local top = path:match("^[^/]+")
      assert(allowed[top] or top:sub(1, 1) == ".", top .. " does not belong there")
    end
  end)

  it("ignores what is built", function()
    local ignored = tree.read(".gitignore")
    for _, pattern in ipairs { "/build/", "*.o", "*.so", "*.rock" } do
      assert(ignored:find(pattern, 1, true), pattern)
    end
    for _, path in ipairs(tracked()) do
      assert(not path:find("%.o$") and not path:find("%.so$") and not path:find("%.rock$"), path)
    end
  end)
end)

describe("the Makefile", function()
  it("has a line of help for every target the README may name", function()
    local help = io.popen("env -u MAKEFLAGS make -s help"):read("*a")
    for _, target in ipairs { "build", "env", "demo", "test", "asan", "valgrind", "torture",
      "fuzz", "bench", "lint", "doc" } do
      assert(help:find("\nmake " .. target .. "%s") or help:find("^make " .. target .. "%s"), target)
    end
  end)

  it("prints an environment that finds the checkout", function()
    local out = io.popen("env -u MAKEFLAGS -u BUILD make -s env LUA=lua5.1"):read("*a")
    assert.truthy(out:find("export LUA_PATH=\"[^\"]*/lua/%?%.lua;[^\"]*/lua/%?/init%.lua;;\"\n"))
    assert.truthy(out:find("export LUA_CPATH=\"[^\"]*/build/lua5%.1/%?%.so;;\"\n"))
  end)

  for _, script in ipairs(tree.find(".ci -type f ! -name '*.*'")) do
    it("has a script with sound syntax: " .. script, function()
      local shell = tree.read(script):match("^#!/bin/(%w+)")
      assert.equal("", io.popen(shell .. " -n " .. script .. " 2>&1"):read("*a"))
    end)
  end
end)
