--- How an export goes on after a kill: where it was, what it had written, which ids it had.
--
-- The checkpoint holds the numbers; a file beside it (`CHECKPOINT.ids`) the hashes of the ids
-- written, so that what came before the kill is not written again behind it.

local cjson = require "cjson"
local checkpoint = require "sendcloud.checkpoint"
local core = require "sendcloud.core"
local errors = require "sendcloud.errors"
local layout = require "sendcloud.layout"
local plan = require "sendcloud.plan"
local spool = require "sendcloud.spool"

local resume = {}

local json = cjson.new()
local PIECE = 65536
local COUNTS = { "rows", "duplicates", "requests", "retries", "seconds" }
local CHOICES = { "columns", "format", "spreadsheet", "limit" }
local WHAT = {
  job = "belongs to another kind of run",
  input = "belongs to an export of other members",
  options = "belongs to an export with other options, or to another file",
}

---@class sendcloud.Resume
---@field path string
---@field same table
---@field ids file*
---@field ids_size integer

local function failed(path, reason)
  return errors.new { kind = "invalid", parameter = "checkpoint",
    message = ("checkpoint: %s: %s"):format(path, tostring(reason)) }
end

local function fingerprint(run, sink, options)
  local chosen = { sink = sink }
  for _, name in ipairs(CHOICES) do chosen[name] = options[name] end
  local parameters = { offset = 0, count = 1 }
  for name, value in pairs(run.parameters) do parameters[name] = value end
  local request = plan.request(run.plan, parameters)
  return {
    job = "export",
    input = core.digest(request.method .. request.path .. tostring(request.body or "")),
    options = checkpoint.fingerprint(chosen),
  }
end

local function open_ids(self, mode)
  local reason
  self.ids, reason = io.open(self.path .. ".ids", mode)
  if not self.ids then return nil, failed(self.path .. ".ids", reason) end
  return true
end

-- Reads the ids of the rows that count; what came after the checkpoint is cut off.
local function remember(self, lines, size)
  local path = self.path .. ".ids"
  local ok, reason = core.truncate(path, size)
  if not ok then return nil, failed(path, reason) end
  local file = io.open(path, "rb")
  while file do
    local piece = file:read(PIECE)
    if not piece then break end
    lines:remember(piece)
  end
  if file then file:close() end
  self.ids_size = size
  return open_ids(self, "ab")
end

local function stretches_of(text)
  local list = {}
  for bytes, columns in tostring(text or ""):gmatch("(%d+):(%d+)") do
    list[#list + 1] = { bytes = tonumber(bytes), columns = tonumber(columns) }
  end
  return list
end

local function exists(path)
  return core.file_info(path) ~= nil
end

-- Takes an earlier run's place.
local function take_up(self, run, sink, options, found)
  for _, name in ipairs(COUNTS) do run.report[name] = found[name] or 0 end
  if found.complete == 1 then
    run.complete, run.report.complete, run.report.bytes = true, true, found.size
    return true
  end
  run.finishing = found.finishing == 1
  if run.finishing and not exists(sink .. ".part") then
    -- It was put in its place, and only the checkpoint does not know.
    run.complete, run.report.complete, run.report.bytes = true, true, found.size
    os.remove(self.path .. ".ids")
    found.complete = 1
    return checkpoint.write(self.path, found)
  end
  local ok, names = pcall(json.decode, found.columns)
  local err
  run.layout, err = layout.new(run.plan.row.answer, sink, options, ok and names or {})
  if not run.layout then return nil, err end
  run.spool, err = spool.resume(sink, run.layout, found.size, found.header,
    stretches_of(found.stretches))
  if not run.spool then return nil, err end
  run.claimed, run.flushed = found.flushed, found.flushed
  run.total = found.total ~= -1 and found.total or nil
  run.first = run.total ~= nil
  run.passes, run.shrunk = found.passes, found.shrunk == 1
  run.left = run.limit and math.max(run.limit - run.report.rows, 0) or math.huge
  return remember(self, run.layout.lines, found.ids)
end

--- Opens the checkpoint of an export; where it tells of an earlier run, this one takes its
--- place.
---@param path string
---@param sink string
---@param run sendcloud.ExportRun
---@param options sendcloud.ExportOptions
---@return sendcloud.Resume|nil
---@return sendcloud.Error? err
function resume.open(path, sink, run, options)
  local self = { path = path, same = fingerprint(run, sink, options), ids_size = 0 }
  local found, problem = checkpoint.read(path)
  if problem and not found then return nil, problem end
  local same, err = false, nil
  if found then same, err = checkpoint.same(path, found, self.same, WHAT) end
  if err then return nil, err end
  local ok
  if same then
    ok, err = take_up(self, run, sink, options, found)
  else
    ok, err = open_ids(self, "wb")
  end
  if not ok then return nil, err end
  return self
end

--- Notes the ids of a page that was written.
---@param self sendcloud.Resume
---@param ids userdata
---@return true|nil
---@return sendcloud.Error? err
function resume.add_ids(self, ids)
  local ok, reason = self.ids:write(tostring(ids))
  if not ok then return nil, failed(self.path .. ".ids", reason) end
  self.ids_size = self.ids_size + #ids
  return true
end

-- What was written so far is on the disk before the checkpoint counts on it.
local function sync(self, run)
  local ok, err = spool.flush(run.spool)
  if not ok then return nil, err end
  local reason
  ok, reason = self.ids:flush()
  if ok then ok, reason = core.sync(run.spool.temporary) end
  if ok then ok, reason = core.sync(self.path .. ".ids") end
  if not ok then return nil, failed(self.path, reason) end
  return true
end

--- Writes how far the run came.
---@param self sendcloud.Resume
---@param run sendcloud.ExportRun
---@param state? "finishing"|"complete"|false all is written; the file is in its place
---@return true|nil
---@return sendcloud.Error? err
function resume.save(self, run, state)
  if state ~= "complete" then
    local ok, err = sync(self, run)
    if not ok then return nil, err end
  end
  local stretches = {}
  for index, stretch in ipairs(run.spool.stretches) do
    stretches[index] = ("%d:%d"):format(stretch.bytes, stretch.columns)
  end
  local _, names = run.layout.lines:columns()
  local fields = {
    flushed = run.flushed, total = run.total or -1, size = run.spool.size,
    header = run.spool.header, ids = self.ids_size, passes = run.passes,
    shrunk = run.shrunk and 1 or 0, stretches = table.concat(stretches, " "),
    columns = json.encode(run.layout.finding and #names > 0 and names or { "" }),
    finishing = state and 1 or 0, complete = state == "complete" and 1 or 0,
  }
  for name, value in pairs(self.same) do fields[name] = value end
  for _, name in ipairs(COUNTS) do fields[name] = run.report[name] end
  local ok, err = checkpoint.write(self.path, fields)
  if ok and state == "complete" then
    self.ids:close()
    os.remove(self.path .. ".ids")
  end
  return ok, err
end

return resume
