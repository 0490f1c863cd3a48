--- What the commands share: conditions, ids, lists of records, and how results are shown.

local sendcloud = require "sendcloud"
local errors = require "sendcloud.errors"
local output = require "sendcloud.cli.output"

local common = {}

--- Columns of a table, where --columns names no others.
common.COLUMNS = {
  members = { "id", "email", "name", "phone", "tag_names", "fields" },
  tags = { "id", "name", "count", "create_time" },
  segments = { "id", "name", "status", "type", "member_total", "create_time" },
}

local LIMIT = 100 -- records of a listing, where --limit says nothing

--- An error that ends the command with "usage or invalid".
---@param parameter string
---@param reason string
---@return sendcloud.Error
function common.invalid(parameter, reason)
  return errors.invalid(nil, parameter, reason)
end

--- The condition of --where.
---@param options table
---@return true|nil
---@return sendcloud.Condition|sendcloud.Error|nil where_or_err nil where none is given
function common.condition(options)
  if not options.where then return true end
  local where, err = sendcloud.where.parse(options.where)
  if not where then return nil, err end
  return true, where
end

--- Ids of the arguments; `-` stands for those of standard input, split at white space.
---@param arguments string[]
---@return string[]
function common.ids(arguments)
  local list = {}
  for _, argument in ipairs(arguments) do
    if argument == "-" then
      for id in io.read("*a"):gmatch("%S+") do list[#list + 1] = id end
    else
      list[#list + 1] = argument
    end
  end
  return list
end

--- "name=value" of repeated options as a table.
---@param option string its name, for messages
---@param list string[]
---@return table<string, string>|nil
---@return sendcloud.Error? err
function common.pairs_of(option, list)
  local found = {}
  for _, item in ipairs(list) do
    local name, value = item:match("^([^=]+)=(.*)$")
    if not name then return nil, common.invalid(option, "must be name=value") end
    found[name] = value
  end
  return found
end

-- Results -------------------------------------------------------------------------------

--- Shows one record, or passes the error on.
---@return true|nil
---@return sendcloud.Error? err
function common.show(options, record, err)
  if record == nil then return nil, err end
  output.record(options, record)
  return true
end

--- Shows one number under a name, or passes the error on.
---@return true|nil
---@return sendcloud.Error? err
function common.show_number(options, name, number, err)
  if number == nil then return nil, err end
  output.values(options, { { name, number } })
  return true
end

local function iterator(list)
  local at = 0
  return function()
    at = at + 1
    return list[at]
  end
end

-- Stops behind the last record that is shown, and notes whether there is one more.
local function up_to(most, next_record)
  local given, more = 0, false
  return function()
    if given == most then
      more = next_record() ~= nil
      return nil
    end
    given = given + 1
    return next_record()
  end, function() return more end
end

-- One page, as the service gives it.
local function show_page(options, columns, page, err)
  if not page then return nil, err end
  output.records(options, columns, iterator(page))
  if page.total and #page < page.total then
    io.stderr:write(("sendcloud: %d of %.0f, from %d on\n"):format(#page, page.total,
      page.offset or 0))
  end
  return true
end

--- Shows a listing: one page where --count asks for it, else as many records as --limit says.
---@param options table
---@param columns string[]
---@param list fun(wanted: table): table|nil, sendcloud.Error? a page
---@param each fun(wanted: table): function  an iterator
---@param wanted? table what else is asked for
---@return true|nil
---@return sendcloud.Error? err
function common.show_list(options, columns, list, each, wanted)
  wanted = wanted or {}
  wanted.offset = options.offset
  if options.count then
    wanted.count = options.count
    return show_page(options, columns, list(wanted))
  end
  local most = options.limit or LIMIT
  if most == 0 then most = math.huge end
  -- One more than is shown tells whether that was all.
  wanted.limit = options.limit and most or most + 1
  local next_record, has_more = up_to(most, (each(wanted)))
  output.records(options, columns, next_record)
  if not options.limit and has_more() then
    io.stderr:write(("sendcloud: the first %d; --limit 0 shows all\n"):format(LIMIT))
  end
  return true
end

--- Asks for each id, several at a time. What fails is told on standard error, one line an id.
---@param client sendcloud.Client
---@param list string[]
---@param ask fun(id: string): any, sendcloud.Error?
---@return table|nil results those that came, in order; nil where the only one failed
---@return sendcloud.Error? err the first one
function common.each_id(client, list, ask)
  local functions = {}
  for index, id in ipairs(list) do
    functions[index] = function() return ask(id) end
  end
  local results, failures = client:parallel(functions)
  if not results then return nil, failures end
  if #list == 1 and results[1] == nil then return nil, failures[1] end
  local found, first = {}, nil
  for index, id in ipairs(list) do
    local failure = failures[index]
    if failure then
      first = first or failure
      io.stderr:write(("sendcloud: %s: %s\n"):format(id, tostring(failure)))
    else
      found[#found + 1] = results[index]
    end
  end
  return found, first
end

--- Shows the records of ids: one alone as it is, several as a list.
---@param client sendcloud.Client
---@param options table with id
---@param columns string[]
---@param ask fun(id: string): table|nil, sendcloud.Error?
---@return true|false|nil done false: the error has been told
---@return sendcloud.Error? err
function common.show_ids(client, options, columns, ask)
  local list = common.ids(options.id)
  if #list == 1 and options.id[1] ~= "-" then
    return common.show(options, ask(list[1]))
  end
  local found, err = common.each_id(client, list, ask)
  if not found then return nil, err end
  output.records(options, columns, iterator(found))
  return err == nil, err
end

--- Deletes by ids and shows how many there were.
---@param client sendcloud.Client
---@param options table with id
---@param delete fun(id: string): true|nil, sendcloud.Error?
---@return true|false|nil done false: the error has been told
---@return sendcloud.Error? err
function common.delete_ids(client, options, delete)
  local found, err = common.each_id(client, common.ids(options.id), delete)
  if not found then return nil, err end
  output.values(options, { { "deleted", #found } })
  return err == nil, err
end

return common
