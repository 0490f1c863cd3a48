--- What each command does: "members list" → { run = function(client, options) }.
--
-- A command returns true, "refused" when some rows were, or nil and the error. `client`
-- says whether it needs one.

local sendcloud = require "sendcloud"
local errors = require "sendcloud.errors"
local output = require "sendcloud.cli.output"

local MEMBER = { "id", "email", "name", "phone", "tag_names", "fields" }
local TAG = { "id", "name", "count", "create_time" }
local SEGMENT = { "id", "name", "status", "type", "member_total", "create_time" }

local commands = {}

local function command(name, run)
  commands[name] = { client = true, run = run }
end

-- The condition of --where: true and nil where there is none.
local function condition(options)
  if not options.where then return true end
  local where, err = sendcloud.where.parse(options.where)
  if not where then return nil, err end
  return true, where
end

local function show(columns, options, ...)
  output.records(options, columns, (...))
  return true
end

local function show_one(options, record, err)
  if record == nil then return nil, err end
  output.record(options, record)
  return true
end

local function show_number(options, name, number, err)
  if number == nil then return nil, err end
  output.values(options, { { name, number } })
  return true
end

local function page_options(options, more)
  more = more or {}
  more.limit = options.limit > 0 and options.limit or nil
  return more
end

-- Ids of the arguments; `-` stands for those of standard input, split at white space.
local function ids(arguments)
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

-- "name=value" of repeated options as a table, or nil and the error.
local function pairs_of(option, list)
  local found = {}
  for _, item in ipairs(list) do
    local name, value = item:match("^([^=]+)=(.*)$")
    if not name then
      return nil, errors.new { kind = "invalid", parameter = option,
        message = option .. ": must be name=value" }
    end
    found[name] = value
  end
  return found
end

local function attributes(options)
  local fields, err = pairs_of("field", options.field)
  if not fields then return nil, err end
  return {
    name = options.name, phone = options.phone,
    fields = next(fields) and fields or nil,
    tags = #options.tag > 0 and options.tag or nil,
  }
end

-- A line that is written over and over is for a person: only where standard error is a
-- terminal.
local function progress_bar()
  local status = os.execute("test -t 2")
  if status ~= true and status ~= 0 then return nil, function() end end
  local shown = false
  local function bar(progress)
    local share = progress.total_bytes and progress.total_bytes > 0
      and (" %3.0f %%"):format(progress.done_bytes / progress.total_bytes * 100) or ""
    io.stderr:write(("\r%.0f rows%s, %.0f a second "):format(progress.rows, share,
      progress.rate))
    shown = true
  end
  return bar, function()
    if shown then io.stderr:write("\n") end
  end
end

-- A report, and where work had to stop the report of how far it came.
local REPORT = { "rows", "sent", "inserted", "updated", "rejected", "unknown", "batches",
  "requests", "retries", "seconds", "complete" }

local function show_report(options, report, err)
  local values = {}
  for _, name in ipairs(REPORT) do
    local value = (report or type(err) == "table" and err.report or {})[name]
    if value ~= nil then values[#values + 1] = { name, value } end
  end
  if #values > 0 then output.values(options, values) end
  if not report then return nil, err end
  return (report.rejected or 0) + (report.unknown or 0) > 0 and "refused" or true
end

command("members import", function(client, options)
  local map, err = pairs_of("map", options.map)
  if not map then return nil, err end
  local source = options.source == "-" and io.stdin or options.source
  local bar, finish = progress_bar()
  local report
  report, err = client.members:import(source, {
    format = options.format, map = next(map) and map or nil, tag_mode = options.tag_mode,
    add_tags = #options.add_tag > 0 and options.add_tag or nil, batch = options.batch,
    concurrency = options.concurrency, rejects = options.rejects, limit = options.limit,
    checkpoint = options.checkpoint, dry_run = options.dry_run, on_progress = bar,
  })
  finish()
  return show_report(options, report, err)
end)

command("members export", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  local columns
  if options.columns then
    columns = {}
    for name in options.columns:gmatch("[^,]+") do columns[#columns + 1] = name end
  end
  local piped = options.sink == "-"
  local bar, finish = progress_bar()
  local sink = piped and io.stdout or options.sink
  local report, err = client.members:export(sink, {
    where = where, tag = options.tag, segment = options.segment, columns = columns,
    format = options.format, spreadsheet = options.spreadsheet, limit = options.limit,
    concurrency = options.concurrency, checkpoint = options.checkpoint, on_progress = bar,
  })
  finish()
  if piped then return report and true, err end
  return show_report(options, report, err)
end)

command("members list", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  return show(MEMBER, options, client.members:each(page_options(options, { where = where })))
end)

command("members get", function(client, options)
  return show_one(options, client.members:get(options.id))
end)

command("members upsert", function(client, options)
  local member, err = attributes(options)
  if not member then return nil, err end
  member.email = options.email
  local result
  result, err = client.members:upsert({ member }, { tag_mode = options.tag_mode })
  if not result then return nil, err end
  for _, refusal in ipairs(result.errors) do
    io.stderr:write(("%s: %s\n"):format(options.email, tostring(refusal.message)))
  end
  output.values(options, { { "inserted", result.inserted_count },
    { "updated", result.updated_count }, { "errors", result.error_count } })
  return result.error_count > 0 and "refused" or true
end)

command("members update", function(client, options)
  local changes, err = attributes(options)
  if not changes then return nil, err end
  return show_one(options, client.members:update(options.id, changes))
end)

command("members delete", function(client, options)
  return show_number(options, "deleted", client.members:delete(options.id))
end)

command("members delete-where", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  if options.everyone then where = sendcloud.everyone end
  return show_number(options, "deleted", client.members:delete_where(where))
end)

command("tags create", function(client, options)
  return show_one(options, client.tags:create(options.name))
end)

command("tags update", function(client, options)
  return show_one(options, client.tags:update(options.id, { name = options.name }))
end)

command("tags delete", function(client, options)
  return show_number(options, "deleted", client.tags:delete(options.id))
end)

command("tags find", function(client, options)
  return show_one(options, client.tags:find(options.name))
end)

command("tags list", function(client, options)
  local wanted = page_options(options, { name = options.name })
  return show(TAG, options, client.tags:each(wanted))
end)

command("tags add", function(client, options)
  return show_number(options, "added", client.tags:add(options.id, ids(options.member)))
end)

command("tags remove", function(client, options)
  return show_number(options, "removed", client.tags:remove(options.id, ids(options.member)))
end)

command("tags members", function(client, options)
  return show(MEMBER, options, client.tags:each_member(options.id, page_options(options)))
end)

command("segments create", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  return show_one(options,
    client.segments:create { name = options.name, where = where })
end)

command("segments update", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  return show_one(options,
    client.segments:update(options.id, { name = options.name, where = where }))
end)

command("segments get", function(client, options)
  return show_one(options, client.segments:get(options.id))
end)

command("segments delete", function(client, options)
  return show_number(options, "deleted", client.segments:delete(options.id))
end)

command("segments list", function(client, options)
  local wanted = page_options(options, { name = options.name, type = options.type })
  return show(SEGMENT, options, client.segments:each(wanted))
end)

command("segments progress", function(client, options)
  return show_one(options, client.segments:progress(options.id))
end)

command("segments wait", function(client, options)
  return show_one(options, client.segments:wait(options.id, {
    timeout = options.wait_for,
  }))
end)

command("segments members", function(client, options)
  local ok, where = condition(options)
  if not ok then return nil, where end
  return show(MEMBER, options,
    client.segments:each_member(options.id, page_options(options, { where = where })))
end)

command("segments remove-members", function(client, options)
  return show_number(options, "removed",
    client.segments:remove_members(options.id, ids(options.member)))
end)

commands.sandbox = {
  run = function(_, options)
    require("sendcloud.sandbox").serve { port = options.port, path = options.path }
    return true
  end,
}

return commands
