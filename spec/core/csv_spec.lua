-- csrc/core/csv.c, through core.rows.

local core = require "sendcloud.core"
local cjson = require "cjson"

local HERE = debug.getinfo(1, "S").source:match("@?(.*[/\\])") or "./"
local CSVS = HERE .. "../data/csv/"

local function slurp(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Every row of the text, fed in chunks of that many bytes; what is no row comes as a string.
local function read_all(text, options)
  options = options or {}
  local rows = core.rows { row_max = options.row_max }
  local chunk, at = options.chunk or math.max(#text, 1), 1
  local list, lines = {}, {}
  local sniffed = false
  while true do
    local cells, line, third
    if not sniffed then
      rows:feed(text:sub(at, at + math.max(chunk, 64) - 1))
      at = at + math.max(chunk, 64)
      local separator, problem = rows:sniff(options.separator)
      if not separator then
        return nil, problem
      end
      sniffed = true
    end
    cells, line, third = rows:read()
    if cells then
      list[#list + 1], lines[#lines + 1] = cells, line
    elseif line == "more" then
      if at > #text then
        rows:finish()
      else
        rows:feed(text:sub(at, at + chunk - 1))
        at = at + chunk
      end
    elseif line == "end" then
      return list, lines, rows
    else
      list[#list + 1], lines[#lines + 1] = line, third
    end
  end
end

describe("CSV", function()
  describe("csv-spectrum", function()
    for _, name in ipairs {
      "comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines",
      "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf", "utf8",
    } do
      it("reads " .. name, function()
        local text = slurp(CSVS .. "csvs/" .. name .. ".csv")
        local wanted = cjson.decode(slurp(CSVS .. "json/" .. name .. ".json"))
        for _, chunk in ipairs { 1, 2, 3, 7, 16, 1000 } do
          local list = read_all(text, { chunk = chunk })
          local records = {}
          for i = 2, #list do
            local record = {}
            for j, cell in ipairs(list[i]) do
              record[list[1][j]] = cell
            end
            records[#records + 1] = record
          end
          assert.are.same(wanted, records)
        end
      end)
    end
  end)

  it("reads a row however the text is cut", function()
    local text = 'a,"b ""x"" \r\nc",d\r\n"",,"tail"more,\r\n\r\nlast'
    local wanted = {
      { "a", 'b "x" \r\nc', "d" }, { "", "", "tailmore", "" }, { "" }, { "last" },
    }
    for chunk = 1, #text do
      local list, lines = read_all(text, { chunk = chunk, separator = "," })
      assert.are.same(wanted, list)
      assert.are.same({ 1, 3, 4, 5 }, lines)
    end
  end)

  it("keeps quotes that do not begin a cell", function()
    assert.are.same({ { 'a"b"', 'c""d', ' "e"' } }, (read_all('a"b",c""d, "e"\n')))
  end)

  it("finds the separator", function()
    for _, separator in ipairs { ",", ";", "\t", "|" } do
      local text = ('"x,;|\ty"Xb\n1X2\n'):gsub("X", separator)
      local list = read_all(text)
      assert.are.same({ { "x,;|\ty", "b" }, { "1", "2" } }, list)
    end
    assert.are.same({ { "one" }, { "two" } }, (read_all("one\ntwo\n")))
    local list, lines = read_all("sep=|\na,b|c\n")
    assert.are.same({ { "a,b", "c" } }, list)
    assert.are.same({ 2 }, lines)
  end)

  it("skips a byte order mark and refuses what is no UTF-8 text", function()
    assert.are.same({ { "a", "b" } }, (read_all("\239\187\191a,b\n")))
    assert.are.equal("utf-16", select(2, read_all("\255\254a\0,\0b\0")))
    assert.are.equal("utf-16", select(2, read_all("\254\255\0a\0,")))
    assert.are.equal("zip", select(2, read_all("PK\3\4\20\0\0\0")))
  end)

  it("ends lines as old Macs did when the first line does", function()
    local list, lines = read_all('a,b\r1,"2\r3"\r4,5')
    assert.are.same({ { "a", "b" }, { "1", "2\r3" }, { "4", "5" } }, list)
    assert.are.same({ 1, 2, 4 }, lines)
  end)

  it("takes a lone CR in a file of LF lines as it is", function()
    assert.are.same({ { "a", "b\rc" }, { "d" } }, (read_all("a,b\rc\nd\r\n", { separator = "," })))
  end)

  it("reports nothing for an empty text", function()
    assert.are.same({}, (read_all("")))
    assert.are.same({}, (read_all("\239\187\191")))
  end)

  describe("hostile text", function()
    it("skips a row that is too long and goes on", function()
      local text = "a,b\n" .. ("x"):rep(5000) .. "\nc,d\n"
      for _, chunk in ipairs { 100, 999, 6000 } do
        local list, lines = read_all(text, { chunk = chunk, row_max = 1000 })
        assert.are.same({ { "a", "b" }, "long", { "c", "d" } }, list)
        assert.are.same({ 1, 2, 3 }, lines)
      end
      assert.are.same({ "long" }, (read_all(("y"):rep(9999), { chunk = 64, row_max = 100 })))
    end)

    it("loses one line to a quote that is never closed", function()
      local text = 'a,b\n1,"open\n2,c\n3,d\n'
      for chunk = 1, #text do
        local list, lines = read_all(text, { chunk = chunk })
        assert.are.same({ { "a", "b" }, "unclosed", { "2", "c" }, { "3", "d" } }, list)
        assert.are.same({ 1, 2, 3, 4 }, lines)
      end
    end)

    it("does not read on for ever to find the closing quote", function()
      local text = 'a,b\n1,"open\n' .. ("2,c\n"):rep(1000) .. '3,d\n'
      local list = read_all(text, { chunk = 100, row_max = 500 })
      assert.are.equal("unclosed", list[2])
      assert.are.equal(1003, #list)
      assert.are.same({ "3", "d" }, list[1003])
    end)

    it("does not hold a long line in memory", function()
      local rows = core.rows {}
      rows:feed("a,b\n")
      rows:sniff()
      assert.are.same({ "a", "b" }, (rows:read()))
      local piece = ("z"):rep(65536)
      collectgarbage()
      local long = 0
      for _ = 1, 256 do -- 16 MiB
        rows:feed(piece)
        local cells, what = rows:read()
        assert.is_nil(cells)
        long = long + (what == "long" and 1 or 0)
      end
      assert.are.equal(1, long)
      rows:feed("\nc,d\n")
      local _, what = rows:read()
      if what == "more" then
        rows:read()
      end
    end)

    it("stops at too many cells", function()
      local list = read_all("a\n" .. (","):rep(5000) .. "\nb\n", { separator = "," })
      assert.are.same({ { "a" }, "wide", { "b" } }, list)
    end)

    it("passes NUL bytes on", function()
      assert.are.same({ { "a\0b", "c" } }, (read_all("a\0b,c\n")))
    end)
  end)
end)
