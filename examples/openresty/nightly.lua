-- Every night at three (UTC) one worker writes all contacts into a file.

local contacts = require "contacts"

local nightly = {}

local HOUR, DAY = 3600, 86400

--- Writes the file now; returns what came of it in words.
function nightly.export()
  local path = (os.getenv("EXPORT_FOLDER") or ".") .. "/contacts.csv"
  local report, err = contacts.client().members:export(path)
  if not report then return "export failed: " .. tostring(err) end
  return ("%d contacts in %s"):format(report.rows, path)
end

local function run(premature)
  if premature then return end -- the worker is ending
  ngx.log(ngx.NOTICE, nightly.export())
  nightly.start()
end

--- Sets the timer, in the first worker only.
function nightly.start()
  if ngx.worker.id() ~= 0 then return end
  local wait = (3 * HOUR - ngx.time()) % DAY
  assert(ngx.timer.at(wait > 0 and wait or DAY, run))
end

return nightly
