-- The house style that a machine can check: sizes, widths, banned calls, exported symbols.

local tree = require "spec.house.tree"

local FILE_LINES = 500
local SPEC_LINES = 600
local FUNCTION_LINES = 60
local COLUMNS = 100

local function columns(line)
  return #line:gsub("[\128-\191]", "")
end

-- Calls that do not belong into a library, or that cannot be told how much room there is.
local BANNED = {
  "abort", "exit", "_exit", "printf", "puts", "putchar", "perror", "gets", "strcpy", "strcat",
  "sprintf", "vsprintf", "strtok", "system", "popen", "atoi", "atol", "alloca", "signal",
}

-- Without comments, strings and character constants, newlines kept.
local function bare(text)
  text = text:gsub("\\.", "__")
  text = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end)
  text = text:gsub("'[^'\n]*'", "''"):gsub("\"[^\"\n]*\"", "\"\"")
  return (text:gsub("//[^\n]*", ""))
end

describe("C sources", function()
  for _, path in ipairs(tree.find("csrc -name '*.[ch]'")) do
    it(path .. " keeps to the sizes", function()
      local wrong, opened, count = {}, nil, 0
      for number, line in tree.lines(tree.read(path)) do
        count = number
        if columns(line) > COLUMNS then
          wrong[#wrong + 1] = ("%s:%d: %d columns"):format(path, number, columns(line))
        end
        if line:find("\t") or line:find("%s$") then
          wrong[#wrong + 1] = ("%s:%d: a tab or trailing blank"):format(path, number)
        end
        if line == "{" then
          opened = number
        elseif line == "}" and opened then
          if number - opened - 1 > FUNCTION_LINES then
            wrong[#wrong + 1] = ("%s:%d: a function of %d lines"):format(path, opened,
              number - opened - 1)
          end
          opened = nil
        end
      end
      if count > FILE_LINES then
        wrong[#wrong + 1] = ("%s: %d lines"):format(path, count)
      end
      assert.equal("", table.concat(wrong, "\n"))
    end)

    it(path .. " calls nothing banned", function()
      local text, wrong = bare(tree.read(path)), {}
      for _, name in ipairs(BANNED) do
        if text:find("%f[%w_]" .. name .. "%s*%(") then
          wrong[#wrong + 1] = name
        end
      end
      assert.equal("", table.concat(wrong, " "))
    end)
  end

  -- However it is compiled, as LuaRocks does it too.
  for _, path in ipairs(tree.find("csrc -name '*.h'")) do
    it(path .. " shows no function to the world", function()
      local text = tree.read(path)
      if not ("\n" .. text):find "\n%a[^\n(;={]*[ %*]sc_[%w_]+%(" or text:find "\nstatic inline" then return end
      assert.truthy(text:find("\n#pragma GCC visibility push%(hidden%)\n.*\n#pragma GCC visibility pop\n"), path)
    end)
  end

  for _, path in ipairs(tree.find("csrc -name '*.h'")) do
    it(path .. " opens with what it is", function()
      local comment = tree.read(path):match("^/%*.-%*/")
      assert(comment, "no opening comment")
      local _, newlines = comment:gsub("\n", "")
      assert(newlines + 1 >= 3 and newlines + 1 <= 12, (newlines + 1) .. " lines, not 3 to 12")
    end)
  end
end)

describe("Lua sources", function()
  for _, path in ipairs(tree.find("lua spec examples .ci -name '*.lua'")) do
    it(path .. " keeps to the sizes", function()
      local wrong, count = {}, 0
      local width, most = COLUMNS, FILE_LINES
      if path:find("^spec/") then
        width, most = 130, SPEC_LINES
      end
      for number, line in tree.lines(tree.read(path)) do
        count = number
        if columns(line) > width then
          wrong[#wrong + 1] = ("%s:%d: %d columns"):format(path, number, columns(line))
        end
        if line:find("^%s*\t") then
          wrong[#wrong + 1] = ("%s:%d: a tab"):format(path, number)
        end
      end
      if count > most then
        wrong[#wrong + 1] = ("%s: %d lines"):format(path, count)
      end
      assert.equal("", table.concat(wrong, "\n"))
    end)
  end
end)

describe("a module", function()
  local cpath = package.cpath
  for _, name in ipairs { "sendcloud/core", "sendcloud/sandbox/core" } do
    it(name .. ".so exports its door and nothing else", function()
      local file = assert(package.searchpath and package.searchpath(name, cpath, ".")
        or (function()
          for pattern in cpath:gmatch("[^;]+") do
            local candidate = pattern:gsub("%?", name)
            if tree.exists(candidate) then return candidate end
          end
        end)(), name .. " is not built")
      local pipe = io.popen("env -u LD_PRELOAD nm -D --defined-only " .. file)
      local symbols = {}
      for line in pipe:lines() do
        local symbol = line:match("%s[TDBRVW]%s+([^@%s]+)")
        if symbol and not symbol:find("^__?asan") and not symbol:find("^__odr_asan") then
          symbols[#symbols + 1] = symbol
        end
      end
      pipe:close()
      assert.same({ "luaopen_" .. name:gsub("/", "_") }, symbols)
    end)
  end
end)
