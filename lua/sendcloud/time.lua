--- The services' spellings of a time, as seconds.
--
-- SendCloud prints `2022-06-01 19:15:42`, EngageLab `2023-11-28T18:30:02+0800`; one
-- sample is a date only. What carries no offset is UTC+8, as the documents say of every
-- time but those named Fmt: those are in the account's own time zone, whichever that is.
-- Nothing here asks the machine for its time zone.

local time = {}

local UTC_8 = 8 * 3600
local DAYS_IN = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

-- Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March,
-- so that a leap day is the last of its year.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

local function is_date(year, month, day)
  if year < 1 or month < 1 or month > 12 or day < 1 then return false end
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return day <= DAYS_IN[month] + (month == 2 and leap and 1 or 0)
end

--- Seconds since 1970 of a moment in UTC.
---@param year integer
---@param month integer
---@param day integer
---@param hour integer
---@param minute integer
---@param second integer  0 to 60: a leap second is the next minute's first
---@return integer|nil seconds nil for what is no time
function time.utc(year, month, day, hour, minute, second)
  if not is_date(year, month, day) or hour > 23 or minute > 59 or second > 60 then
    return nil
  end
  return days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
end

-- Seconds east of Greenwich: "", "Z", "+0800" or "+08:00".
local function offset(text)
  if text == "" then return UTC_8 end
  if text == "Z" or text == "z" then return 0 end
  local sign, hours, minutes = text:match("^([+-])(%d%d):?(%d%d)$")
  if not sign then return nil end
  hours, minutes = tonumber(hours), tonumber(minutes)
  if hours > 23 or minutes > 59 then return nil end
  return (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60)
end

--- Seconds since 1970 of a time as either provider spells it.
---
--- Taken are `YYYY-MM-DD`, and that with a space or `T` and `HH:MM:SS`, a fraction of a
--- second and an offset (`Z`, `+0800`, `+08:00`). Without an offset it is UTC+8
--- (MarketingAPI, "创建时间(UTC+8)").
---@param text any
---@return number|nil seconds an integer without a fraction; nil for what is no time
function time.parse(text)
  if type(text) ~= "string" then return nil end
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  local midnight = time.utc(year, month, day, 0, 0, 0)
  if not midnight or rest == "" then return midnight and midnight - UTC_8 end

  local hour, minute, second, fraction, zone =
    rest:match("^[ Tt](%d%d):(%d%d):(%d%d)(%.?%d*)(.*)$")
  if not hour or fraction == "." then return nil end
  -- Without its point a run of digits is no fraction.
  if fraction ~= "" and fraction:sub(1, 1) ~= "." then return nil end
  local seconds = second ~= "60"
    and time.utc(year, month, day, tonumber(hour), tonumber(minute), tonumber(second))
  local east = offset(zone)
  if not seconds or not east then return nil end
  return seconds - east + (fraction == "" and 0 or tonumber("0" .. fraction))
end

return time
