-- The design's arrows: who may know whom, in Lua (require) and in C (#include).

local tree = require "spec.house.tree"

-- Lua ----------------------------------------------------------------------------------
--
--   cli → init → client → members tags segments import export → pages → call →
--   provider policy errors condition transport … → core
--
-- A file may require its own floor and the floors below it, never one above. What is not
-- named here is a helper on the floor of `errors`.

local FLOOR = {
  cli = 9,
  init = 8,
  client = 7,
  members = 6, tags = 6, segments = 6, import = 6, export = 6, collector = 6,
  parallel = 6, request = 6, reconcile = 6,
  pages = 5, chunks = 5, export_pages = 5, export_workers = 5,
  call = 4,
  core = 0,
}
local HELPER = 1

-- `sendcloud.transport.curl` → "transport", `sendcloud` → "init", else nil.
local function room(module)
  if module == "sendcloud" then
    return "init"
  end
  return (module:match("^sendcloud%.([%w_]+)"))
end

local function floor(module)
  return FLOOR[room(module)] or HELPER
end

local function module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- Modules of ours that a file requires, literally or by a computed name ("sendcloud.x." .. y).
local function required(text)
  local found = {}
  for line in text:gmatch("[^\n]+") do
    local code = (" " .. line):gsub("%s%-%-.*", "")
    for module in code:gmatch("[^%w_]require[%s,(]*[\"'](sendcloud[%w_.]*)[\"']") do
      found[#found + 1] = module
    end
  end
  return found
end

local function graph()
  local edges = {}
  for _, path in ipairs(tree.find("lua -name '*.lua' ! -name '*.d.lua'")) do
    edges[module_of(path)] = required(tree.read(path))
  end
  return edges
end

local function is_sandbox(module)
  return room(module) == "sandbox"
end

describe("the require graph", function()
  local edges = graph()

  it("is seen by this spec", function()
    assert.same({ "sendcloud.a", "sendcloud.b.", "sendcloud", "sendcloud.c" }, required [[
local a = require "sendcloud.a" -- require "sendcloud.comment"
local b = require("sendcloud.b." .. name)
-- local x = require "sendcloud.x"
require 'sendcloud'
pcall(require, "sendcloud.c")]])
  end)

  it("never points up", function()
    local wrong = {}
    for from, targets in pairs(edges) do
      for _, to in ipairs(targets) do
        -- The sandbox stands outside: it uses the client as a person would.
        if not is_sandbox(from) and not is_sandbox(to) and floor(to) > floor(from) then
          wrong[#wrong + 1] = from .. " requires " .. to
        end
      end
    end
    table.sort(wrong)
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("reaches the sandbox only from its transport and the command line", function()
    local wrong = {}
    for from, targets in pairs(edges) do
      for _, to in ipairs(targets) do
        if is_sandbox(to) and not is_sandbox(from) and from ~= "sendcloud.transport.sandbox"
          and room(from) ~= "cli"
        then
          wrong[#wrong + 1] = from .. " requires " .. to
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("lets a provider file require nothing", function()
    for from, targets in pairs(edges) do
      if room(from) == "provider" then
        assert.same({}, targets, from)
      end
    end
  end)

  it("has no circle", function()
    local inside = {}
    for from, targets in pairs(edges) do
      inside[from] = not is_sandbox(from) and targets or nil
    end
    assert.is_nil(tree.circle(inside))
  end)

  it("names only files that exist", function()
    local wrong = {}
    for from, targets in pairs(edges) do
      for _, to in ipairs(targets) do
        if not to:find("%.$") and not edges[to] and not to:find("%.core$") then
          wrong[#wrong + 1] = from .. " requires " .. to
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)
end)

-- C ------------------------------------------------------------------------------------

local function includes(path)
  local found = {}
  for open, name in ("\n" .. tree.read(path)):gmatch("\n[ \t]*#[ \t]*include[ \t]+([<\"])([^>\"]+)[>\"]") do
    found[#found + 1] = { name = name, system = open == "<", base = name:match("[^/]*$") }
  end
  return found
end

local function base(path)
  return path:match("[^/]*$")
end

-- May this file see Lua's headers?
local function speaks_lua(path)
  local name = base(path)
  return name:find("^lua_") or name == "core.c" or name == "compat.h"
end

local LUA_HEADERS = { ["lua.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true,
  ["luajit.h"] = true, ["compat.h"] = true, ["lua_util.h"] = true }

-- Every include that `rule` calls wrong, as one text.
local function broken(arguments, rule)
  local wrong = {}
  for _, path in ipairs(tree.find(arguments)) do
    for _, include in ipairs(includes(path)) do
      if rule(path, include) then
        wrong[#wrong + 1] = path .. " includes " .. include.name
      end
    end
  end
  return table.concat(wrong, "\n")
end

describe("the include graph", function()
  it("shows Lua's headers only to lua_*, core.c and compat.h", function()
    assert.equal("", broken("csrc -name '*.[ch]'", function(path, include)
      return (LUA_HEADERS[include.base] or include.base:find("^lua_")) and not speaks_lua(path)
    end))
  end)

  it("lets the sandbox share nothing with the client but compat.h", function()
    assert.equal("", broken("csrc/sandbox -name '*.[ch]'", function(_, include)
      return include.name:find("core/") and include.base ~= "compat.h"
    end))
    assert.equal("", broken("csrc/core -name '*.[ch]'", function(_, include)
      return include.name:find("sandbox")
    end))
  end)

  it("keeps libraries in their rooms", function()
    assert.equal("", broken("csrc/core -name '*.[ch]'", function(path, include)
      return include.name:find("microhttpd") or include.name:find("sqlite")
        or include.name:find("^curl/") and not base(path):find("http")
    end))
    assert.equal("", broken("csrc/sandbox -name '*.[ch]'", function(_, include)
      return include.name:find("^curl/")
    end))
  end)

  it("has no HTTP in the codec and no JSON in the HTTP", function()
    local codec = { utf8 = 1, shape = 1, json_write = 1, json_read = 1, csv = 1, rows = 1 }
    assert.equal("", broken("csrc/core -name '*.[ch]'", function(path, include)
      local name = base(path):gsub("%.[ch]$", "")
      local other = include.base:gsub("%.h$", "")
      return codec[name] and other:find("^http")
        or name:find("^http") and (codec[other] or other:find("json"))
    end))
  end)

  it("does no input or output in the codec", function()
    assert.equal("", broken(
      "csrc/core -name 'utf8.*' -o -path 'csrc/core/shape*' -o -path 'csrc/core/json_*'",
      function(_, include)
        return include.name:find("^sys/")
          or include.name == "unistd.h" or include.name == "fcntl.h"
      end))
  end)

  it("has no circle among headers", function()
    local edges = {}
    for _, path in ipairs(tree.find("csrc -name '*.h'")) do
      edges[path] = {}
      for _, include in ipairs(includes(path)) do
        if not include.system then
          local full = path:match("^(.*/)") .. include.name
          full = full:gsub("[^/]+/%.%./", "")
          table.insert(edges[path], full)
        end
      end
    end
    local state = {}
    local function visit(path)
      assert(state[path] ~= "open", path .. " is part of a circle")
      if edges[path] and not state[path] then
        state[path] = "open"
        for _, to in ipairs(edges[path]) do
          visit(to)
        end
        state[path] = "done"
      end
    end
    for path in pairs(edges) do
      visit(path)
    end
  end)
end)

-- Who calls whom. A function that stands in a table, as methods do, is not called there.

local function without_comments(text)
  return (text:gsub("/%*.-%*/", " "))
end

-- The functions that a C text defines for others.
local function defined(text)
  local names = {}
  for head, name in ("\n" .. text):gmatch("\n(%a[^\n;={}()]-)(sc_[%w_]+)%b()%s*{") do
    if not head:find("^static") then
      names[#names + 1] = name
    end
  end
  return names
end

describe("the call graph", function()
  it("is seen by this spec", function()
    assert.same({ "sc_a_b", "sc_a_c" }, defined [[
int sc_a_b(int x, void (*f)(int))
{
}
static int sc_a_hidden(void)
{
}
int sc_a_declared(void);
const char *sc_a_c(void)
{
    return sc_a_d(1);
}]])
  end)

  for _, folder in ipairs { "core", "sandbox" } do
    it("has no circle in csrc/" .. folder, function()
      local texts, owner = {}, {}
      for _, path in ipairs(tree.find("csrc/" .. folder .. " -name '*.c'")) do
        texts[path] = without_comments(tree.read(path))
        for _, name in ipairs(defined(texts[path])) do
          owner[name] = path
        end
      end
      local edges = {}
      for path, text in pairs(texts) do
        local to, seen = {}, { [path] = true }
        for name in text:gmatch("%f[%w_](sc_[%w_]+)%s*%(") do
          local other = owner[name]
          if other and not seen[other] then
            seen[other] = true
            to[#to + 1] = other
          end
        end
        edges[path] = to
      end
      assert.is_nil(tree.circle(edges))
    end)
  end
end)
