-- The READMEs tell the truth: links resolve, code compiles, tables equal the tree.

local tree = require "spec.house.tree"

local load_text = rawget(_G, "loadstring") or load

local function folder(path)
  return path:match("^(.*/)") or ""
end

-- A heading as a link's fragment spells it.
local function anchors(text)
  local found = {}
  for _, line in tree.lines(text) do
    local heading = line:match("^#+%s+(.+)$")
    if heading then
      found[heading:lower():gsub("[^%w%s_\128-\255-]", ""):gsub("%s", "-")] = true
    end
  end
  return found
end

local function missing_links(path)
  local text, wrong = tree.read(path), {}
  local prose = text:gsub("\n```.-\n```", "")
  for target in prose:gmatch("%]%(([^)%s]+)%)") do
    local file, fragment = target:match("^([^#]*)#?(.*)$")
    if not target:find("^https?:") then
      local full = file == "" and path or folder(path) .. file
      full = full:gsub("[^/]+/%.%./", "")
      if not tree.exists(full) then
        wrong[#wrong + 1] = target
      elseif fragment ~= "" and not anchors(tree.read(full))[fragment] then
        wrong[#wrong + 1] = target
      end
    end
  end
  return table.concat(wrong, " ")
end

local DOCUMENTS = tree.find("-name '*.md' ! -path './build/*' ! -path './.git/*' ! -path './lua_modules/*'")

describe("a document", function()
  for _, path in ipairs(DOCUMENTS) do
    it(path .. " has no broken link", function()
      assert.equal("", missing_links((path:gsub("^%./", ""))))
    end)

    it(path .. " has Lua that compiles", function()
      for code in tree.read(path):gmatch("\n```lua\n(.-)\n```") do
        -- A line that is an expression alone shows what can be written.
        local source = code:gsub("\n(where%.)", "\n_ = %1"):gsub("^(where%.)", "_ = %1")
          :gsub("…", "nil")
        assert(load_text(source))
      end
    end)
  end
end)

-- The rows of README's table: operation → { SendCloud's request, EngageLab's, class }.
local function operation_table(path)
  local rows, count = {}, 0
  for _, line in tree.lines(tree.read(path)) do
    local operation, rest = line:match("^| `(%w+%.[%w_]+)` (|.*)$")
    if operation then
      local cells = {}
      for cell in rest:gmatch("|%s*([^|]-)%s*%f[|]") do
        cells[#cells + 1] = cell
      end
      rows[operation] = { cells[#cells - 2], cells[#cells - 1], cells[#cells], cells[1] }
      count = count + 1
    end
  end
  return rows, count
end

describe("the table of operations", function()
  local providers = {
    dofile("lua/sendcloud/provider/sendcloud.lua"),
    dofile("lua/sendcloud/provider/engagelab.lua"),
  }

  for _, path in ipairs { "README.md", "README.zh-CN.md" } do
    local rows, count = operation_table(path)

    it("in " .. path .. " equals the provider files", function()
      local total, known = 0, {}
      for i, provider in ipairs(providers) do
        for name, operation in pairs(provider.operations) do
          total, known[name] = total + 1, true
          assert(rows[name], name .. " is missing")
          assert.equal(("`%s %s`"):format(operation.method, operation.path), rows[name][i])
          assert.equal(operation.class, rows[name][3], name)
        end
      end
      assert.equal(27, total)
      for name, row in pairs(rows) do
        assert(known[name], name .. " is no operation")
        count = count - 1
        for i, provider in ipairs(providers) do
          if not provider.operations[name] then
            assert.equal("—", row[i], name)
          end
        end
      end
      assert.equal(0, count)
    end)

    it("in " .. path .. " names methods that exist", function()
      for operation, row in pairs(rows) do
        local resource = operation:match("^%w+")
        local module = require("sendcloud." .. resource)
        local class = module.class or module
        for method in row[4]:gmatch(":([%w_]+)") do
          assert.equal("function", type(class[method]), resource .. ":" .. method)
        end
      end
    end)
  end
end)

describe("the map in lua/sendcloud/README.md", function()
  local map = tree.read("lua/sendcloud/README.md")

  for _, path in ipairs(tree.find("lua/sendcloud -mindepth 1 -maxdepth 1")) do
    local name = path:match("[^/]*$")
    if name ~= "README.md" then
      it("names " .. name, function()
        assert(map:find("`" .. name, 1, true), name)
      end)
    end
  end

  it("names only what is there", function()
    for name in map:gmatch("`([%w_.]+%.lua)`") do
      assert(tree.exists("lua/sendcloud/" .. name), name)
    end
  end)
end)

for _, dir in ipairs { "core", "sandbox" } do
  local path = dir == "core" and "csrc/README.md" or "csrc/sandbox/README.md"
  local map = tree.read(path)

  describe("the map in " .. path, function()
    it("names every source file", function()
      for _, file in ipairs(tree.find("csrc/" .. dir .. " -name '*.[ch]'")) do
        local name = "`" .. file:match("([^/]*)%.[ch]$")
        assert(map:find(name .. "`", 1, true) or map:find(name .. ".", 1, true), file)
      end
    end)

    it("names no file that is gone", function()
      -- The sandbox's README has a table of rules too.
      local rows = map:match("^(.-)\n## How it works") or map
      for row in rows:gmatch("\n| (`[^|\n]*)|") do
        for name in row:gmatch("`([%l_]+)`") do
          local found = ("csrc/%s -name '%s.[ch]' -o -path 'csrc/%s/%s_*.c'"):format(dir, name, dir, name)
          assert(#tree.find(found) > 0, name)
        end
      end
    end)
  end)
end

describe("a folder with more than three files", function()
  it("has a README, in itself or one above", function()
    local files = {}
    for _, path in ipairs(tree.find("lua csrc examples .ci -type f")) do
      local dir = path:match("^(.*)/")
      files[dir] = (files[dir] or 0) + 1
    end
    for dir, count in pairs(files) do
      assert(count <= 3 or tree.exists(dir .. "/README.md")
        or tree.exists(dir:match("^(.*)/") .. "/README.md"), dir)
    end
  end)
end)
