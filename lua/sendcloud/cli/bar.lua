--- The line that tells how far long work has come. It is written over and over, which is for
--- a person: where standard error is no terminal there is none.

local bar = {}

local on_terminal -- nil: not asked yet
local shown = 0   -- characters of the line that stands there

local function is_terminal()
  if on_terminal == nil then
    local status = os.execute("test -t 2")
    on_terminal = status == true or status == 0
  end
  return on_terminal
end

local function show(text)
  io.stderr:write("\r", text, (" "):rep(shown - #text))
  shown = #text
end

--- Takes the line away: what follows says more.
function bar.clear()
  if shown > 0 then io.stderr:write("\r", (" "):rep(shown), "\r") end
  shown = 0
end

local function duration(seconds)
  if seconds < 90 then return ("%.0f s"):format(seconds) end
  return ("%.0f min"):format(seconds / 60)
end

-- How much is done, 0 to 1, where that is known.
local function share(progress)
  local whole, done = progress.total_bytes, progress.done_bytes
  if not whole then whole, done = progress.total_rows, progress.rows end
  return whole and whole > 0 and done and math.min(done / whole, 1)
end

--- What on_progress of an import or export takes; nil where nobody looks.
---@return fun(progress: sendcloud.Progress)|nil
function bar.of_rows()
  if not is_terminal() then return nil end
  return function(progress)
    local done = share(progress)
    show(("%.0f rows%s, %.0f a second%s"):format(progress.rows,
      done and (" %3.0f %%"):format(done * 100) or "", progress.rate,
      progress.eta and ", " .. duration(progress.eta) .. " left" or ""))
  end
end

--- What on_progress of segments:wait takes; nil where nobody looks.
---@return fun(progress: sendcloud.SegmentProgress)|nil
function bar.of_segment()
  if not is_terminal() then return nil end
  return function(progress)
    show(("evaluated: %.0f %%"):format(progress.percent or 0))
  end
end

return bar
