-- The same jobs as Lua users write them with Debian's LuaSocket and lua-cjson: `penlight` reads CSV
-- with Penlight, `import` and `export` do CSV by hand, with care for speed.
--
--   lua5.4 peer.lua import|penlight|export URL - ROWS FILE

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local job, url, rows, path = arg[1], arg[2], tonumber(arg[4]), arg[5]

local function post(target, body)
  local pieces = {}
  local _, status = http.request {
    url = target, method = "POST", source = ltn12.source.string(body),
    sink = ltn12.sink.table(pieces),
    headers = {
      ["Content-Type"] = "application/json; charset=utf-8", ["Content-Length"] = #body,
      Authorization = "Bearer YXBpX3VzZXI6YXBpX2tleQ==",
    },
  }
  assert(status == 200, status)
  return cjson.decode(table.concat(pieces))
end

-- The cells of a line; quotes where they stand around a cell.
local function cells_of(line)
  local cells, at = {}, 1
  while true do
    if line:sub(at, at) == '"' then
      local from = at + 1
      local stop = line:find('"', from, true)
      while line:sub(stop + 1, stop + 1) == '"' do stop = line:find('"', stop + 2, true) end
      cells[#cells + 1] = line:sub(from, stop - 1):gsub('""', '"')
      at = stop + 1
    else
      local stop = line:find(",", at, true) or #line + 1
      cells[#cells + 1] = line:sub(at, stop - 1)
      at = stop
    end
    if at > #line then return cells end
    at = at + 1
  end
end

-- The rows of the file, each a list of cells; the header comes first.
local function by_hand()
  local file = assert(io.open(path, "rb"))
  return function()
    local line = file:read("*l")
    return line and cells_of(line)
  end
end

local function by_penlight()
  local data = assert(require("pl.data").read(path, { csv = true, delim = ",", no_convert = true }))
  local names, at = data.fieldnames, 0
  return function()
    at = at + 1
    return at == 1 and names or data[at - 1]
  end
end

local function import(read)
  local header, members, done = read(), {}, 0
  local function send()
    local answer = post(url .. "/marketing/lists/members", cjson.encode {
      members = members, tagFlag = 1, updateExisting = true,
    })
    done = done + #answer.insertedMembers
    members = {}
  end
  for cells in read do
    local member = { email = cells[1], phone = cells[2] ~= "" and cells[2] or nil,
      name = cells[3] ~= "" and cells[3] or nil, fields = {}, tags = {} }
    for i = 4, 7 do
      if cells[i] ~= "" then member.fields[header[i]] = cells[i] end
    end
    for tag in cells[8]:gmatch("[^;]+") do member.tags[#member.tags + 1] = tag end
    members[#members + 1] = member
    if #members == 1000 then send() end
    if done + #members >= rows then break end
  end
  if #members > 0 then send() end
  return done
end

local function cell(value)
  local text = value == nil and "" or value == cjson.null and "" or tostring(value)
  if text:find('[,"\r\n]') then text = '"' .. text:gsub('"', '""') .. '"' end
  return text
end

local function export()
  local file, done = assert(io.open(path, "wb")), 0
  local fields = { "Birthday", "Age", "Gender", "City" }
  file:write("email,phone,name,tags,Birthday,Age,Gender,City\n")
  for offset = 0, rows - 1, 100 do
    local page = post(("%s/marketing/lists/listMembers?offset=%d&count=100"):format(url, offset), "{}")
    for _, member in ipairs(page.list) do
      local cells = { cell(member.email), cell(member.phone), cell(member.name),
        cell(table.concat(member.tagNames, ";")) }
      for _, name in ipairs(fields) do cells[#cells + 1] = cell(member.fields[name]) end
      file:write(table.concat(cells, ","), "\n")
      done = done + 1
    end
  end
  file:close()
  return done
end

local done = job == "import" and import(by_hand()) or job == "penlight" and import(by_penlight())
  or export()
assert(done == rows, done)
