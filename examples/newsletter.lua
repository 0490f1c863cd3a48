-- The main job: an address list goes into the service, is tagged, segmented, read back.
--
--   lua5.4 examples/newsletter.lua [contacts.csv]
--
-- With SENDCLOUD_API_USER and SENDCLOUD_API_KEY in the environment it talks to the real
-- service; without them it starts a sandbox of its own.

local sendcloud = require "sendcloud"
local where = sendcloud.where

local here = arg[0]:match("^(.*/)") or "./"
local list = arg[1] or here .. "contacts.csv"
local rejects = os.tmpname()

-- A table's row: cells padded to their columns by characters, not by bytes.
local function row(widths, ...)
  local cells = { ... }
  for i, width in ipairs(widths) do
    local text = tostring(cells[i] or "")
    local _, characters = text:gsub("[^\128-\191]", "")
    cells[i] = text .. (" "):rep(width - characters)
  end
  print(("  " .. table.concat(cells, "  "):gsub("%s+$", "")))
end

-- The cell of a CSV record that begins at a position, and where the next one begins.
local function cell(record, from)
  if record:sub(from, from) == '"' then
    return record:match('^"(.-)",()', from)
  end
  return record:match("^([^,]*),?()", from)
end

-- The rejects file: line number, address, reason, then the row itself, line breaks and all.
local function refused_rows(path)
  local rows, record = {}, nil
  for text in io.lines(path) do
    record = record and record .. "\n" .. text or text
    local _, quotes = record:gsub('"', "")
    if quotes % 2 == 0 then
      local line, after = cell(record, 1)
      local _, reason_at = cell(record, after)
      rows[#rows + 1] = { line = line, reason = cell(record, reason_at) }
      record = nil
    end
  end
  table.remove(rows, 1) -- the header
  return rows
end

-- 1. A client ---------------------------------------------------------------------------

local client, box
if os.getenv("SENDCLOUD_API_USER") and os.getenv("SENDCLOUD_API_KEY") then
  client = assert(sendcloud.new {})
  print("The service: " .. tostring(client))
else
  box = assert(require("sendcloud.sandbox").start { port = 0, seed = 42 })
  client = assert(box:client { provider = os.getenv("SENDCLOUD_PROVIDER") })
  print("A sandbox at " .. box.url)
  print("(set SENDCLOUD_API_USER and SENDCLOUD_API_KEY for the real service)")
end

-- 2. The list goes in -------------------------------------------------------------------

local report = assert(client.members:import(list, { rejects = rejects }))
print(("\n%s: %d rows"):format(list:match("[^/]*$"), report.rows))
row({ 12, 6 }, "inserted", report.inserted)
row({ 12, 6 }, "updated", report.updated)
row({ 12, 6 }, "refused", report.rejected)
row({ 12, 6 }, "requests", report.requests)

if report.rejected > 0 then
  print("\nRefused rows:")
  row({ 6, 60 }, "line", "reason")
  for _, refused in ipairs(refused_rows(rejects)) do
    row({ 6, 60 }, refused.line, refused.reason)
  end
end
os.remove(rejects)

-- 3. A segment by condition -------------------------------------------------------------

local adults = where.all { where.Age:ge(18), where.Gender:eq "女" }
local name = "newsletter " .. os.date("!%Y-%m-%d %H:%M:%S")

local segment = assert(client.segments:create { name = name, where = adults })
segment = assert(client.segments:wait(segment.id, { timeout = 300 }))
print(("\nSegment %q (%s): %d members"):format(name, tostring(adults),
  segment.member_total))

-- 4. Its members get a tag --------------------------------------------------------------

local tag = assert(client.tags:ensure("autumn_letter"))
local ids = {}
for member in client.segments:each_member(segment.id) do
  ids[#ids + 1] = member.id
end
print(("Tag %q: added to %d members"):format(tag.name, assert(tag:add(ids))))

-- 5. And are read back ------------------------------------------------------------------

local page = assert(tag:members { count = 5 })
print(("\nThe first %d of %d members with the tag:"):format(#page, page.total))
row({ 30, 3, 0 }, "email", "age", "name")
for _, member in ipairs(page) do
  row({ 30, 3, 0 }, member.email, member.fields.Age, member.name)
end

print(("\n%d members in all."):format(assert(client.members:list { count = 1 }).total))

client:close()
if box then
  box:stop()
end
