-- The codec beside lua-cjson: a page of 100 members read, an upsert of 1000 members written.
--
-- Both in one process, in turns, CPU time; the figures are medians of many rounds and their
-- ratio. Ours checks UTF-8, types, limits and unknown keys; cjson does not. The upsert is
-- written into a buffer, as the client sends it, and for comparison into a string.
-- Exit status 1 when a target is missed: ROUNDS=… and TARGET=no change that.

local core = require "sendcloud.core"
local cjson = require "cjson".new()
local provider = require "sendcloud.provider.sendcloud"
local data = require "spec.bench.codec_data"

local ROUNDS = tonumber(os.getenv("ROUNDS")) or 41
local operations = provider.operations
local page_shape = core.shape(operations["members.list"].answer)
local upsert_shape = core.shape(operations["members.upsert"].body)
local answer_shape = core.shape(operations["members.upsert"].answer)
local record = { __index = {} }
local marks = { member = record, refusal = record }

local page = data.page(100)
local members = data.members(1000)
local answer = data.answer(members)
local upsert = { members = members, tag_mode = "append", update_existing = true }
local plain = { members = members, tagFlag = 1, updateExisting = true }
local out = core.buffer()

-- Each pair does the same work `times` times a round.
local pairs_of_work = {
  { name = "read a page of 100", target = 0.45, records = 100, times = 10,
    cjson = function() return cjson.decode(page) end,
    ours = function() return assert(page_shape:read(page, marks)) end },
  { name = "write an upsert of 1000", target = 0.65, records = 1000, times = 2,
    cjson = function() return cjson.encode(plain) end,
    ours = function()
      out:clear()
      return assert(upsert_shape:write(upsert, out))
    end },
  { name = "… into a string", records = 1000, times = 2,
    cjson = function() return cjson.encode(plain) end,
    ours = function() return assert(upsert_shape:write(upsert)) end },
  { name = "read an upsert's answer", records = 1000, times = 4,
    cjson = function() return cjson.decode(answer) end,
    ours = function() return assert(answer_shape:read(answer, marks)) end },
}

local function seconds(work, times)
  collectgarbage()
  local start = os.clock()
  for _ = 1, times do work() end
  return os.clock() - start
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) / 2 - (#list + 1) / 2 % 1]
end

local missed = false
print(("%-26s %10s %10s %8s %8s"):format(_VERSION .. ", ns a record", "cjson", "ours", "ratio",
  "target"))
for _, pair in ipairs(pairs_of_work) do
  local theirs, ours, ratios = {}, {}, {}
  seconds(pair.cjson, pair.times)
  seconds(pair.ours, pair.times)
  for round = 1, ROUNDS do
    local first = round % 2 == 0
    if first then theirs[round] = seconds(pair.cjson, pair.times) end
    ours[round] = seconds(pair.ours, pair.times)
    if not first then theirs[round] = seconds(pair.cjson, pair.times) end
    ratios[round] = ours[round] / theirs[round]
  end
  local ratio, scale = median(ratios), 1e9 / pair.times / pair.records
  print(("%-26s %10.0f %10.0f %8.3f %8s"):format(pair.name, median(theirs) * scale,
    median(ours) * scale, ratio, pair.target or ""))
  missed = missed or pair.target ~= nil and ratio > pair.target
end
if missed and os.getenv("TARGET") ~= "no" and _VERSION == "Lua 5.4" then
  io.stderr:write("a target was missed\n")
  os.exit(1)
end
