--- `sendcloud members …`: what its commands do.

local sendcloud = require "sendcloud"
local bar = require "sendcloud.cli.bar"
local common = require "sendcloud.cli.common"
local output = require "sendcloud.cli.output"

local members = {}

local COLUMNS = common.COLUMNS.members

local REPORT = { "rows", "sent", "inserted", "updated", "rejected", "unknown", "folded", "ragged",
  "duplicates", "batches", "requests", "retries", "bytes", "seconds", "complete" }

local function attributes(options)
  local fields, err = common.pairs_of("field", options.field)
  if not fields then return nil, err end
  return {
    name = options.name, phone = options.phone,
    fields = next(fields) and fields or nil,
    tags = #options.tag > 0 and options.tag or nil,
  }
end

-- A report, and where work had to stop the report of how far it came.
local function show_report(options, report, err)
  local values, found = {}, report or type(err) == "table" and err.report
  -- Of what could not even begin there is nothing to tell.
  if report or found and found.requests > 0 then
    for _, name in ipairs(REPORT) do
      if found[name] ~= nil then values[#values + 1] = { name, found[name] } end
    end
    output.values(options, values)
  end
  if not report then return nil, err end
  return (report.rejected or 0) + (report.unknown or 0) > 0 and "refused" or true
end

-- `--map Mail=email`, `--map "#2=name"` by the column's number, `--map Notes=` for none.
local function map_of(options)
  local given, err = common.pairs_of("map", options.map)
  if not given then return nil, err end
  local map = {}
  for name, target in pairs(given) do
    map[tonumber(name:match("^#(%d+)$")) or name] = target
  end
  return map
end

members.import = function(client, options)
  local map, err = map_of(options)
  if not map then return nil, err end
  local source = options.source == "-" and io.stdin or options.source
  local report
  report, err = client.members:import(source, {
    format = options.format, map = next(map) and map or nil, tag_mode = options.tag_mode,
    update_existing = options.update_existing,
    add_tags = #options.add_tag > 0 and options.add_tag or nil, batch = options.batch,
    concurrency = options.concurrency, rejects = options.rejects, limit = options.limit,
    checkpoint = options.checkpoint, dry_run = options.dry_run, on_progress = bar.of_rows(),
  })
  bar.clear()
  return show_report(options, report, err)
end

members.export = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  local piped = options.sink == "-"
  local report, err = client.members:export(piped and io.stdout or options.sink, {
    where = where, tag = options.tag, segment = options.segment, columns = options.columns,
    format = options.format, spreadsheet = options.spreadsheet, limit = options.limit,
    concurrency = options.concurrency, checkpoint = options.checkpoint,
    on_progress = bar.of_rows(),
  })
  bar.clear()
  if not piped then return show_report(options, report, err) end
  if not report and err.message:find("Broken pipe", 1, true) then error(output.GONE, 0) end
  return report and true, err
end

members.list = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  return common.show_list(options, COLUMNS, function(wanted)
    return client.members:list(wanted)
  end, function(wanted)
    return client.members:each(wanted)
  end, { where = where })
end

members.get = function(client, options)
  return common.show_ids(client, options, COLUMNS, function(id)
    return client.members:get(id)
  end)
end

members.upsert = function(client, options)
  local member, err = attributes(options)
  if not member then return nil, err end
  member.email = options.email
  local result
  result, err = client.members:upsert({ member }, {
    tag_mode = options.tag_mode, update_existing = options.update_existing,
  })
  if not result then return nil, err end
  for _, refusal in ipairs(result.errors) do
    io.stderr:write(("sendcloud: %s: %s\n"):format(options.email, tostring(refusal.message)))
  end
  output.values(options, { { "inserted", result.inserted_count },
    { "updated", result.updated_count }, { "errors", result.error_count } })
  return result.error_count > 0 and "refused" or true
end

members.update = function(client, options)
  local changes, err = attributes(options)
  if not changes then return nil, err end
  if not next(changes) then
    return nil, common.invalid("changes", "nothing is to be changed: give --name, --phone, "
      .. "--field or --tag")
  end
  return common.show(options, client.members:update(options.id, changes))
end

members.delete = function(client, options)
  return common.delete_ids(client, options, function(id)
    return client.members:delete(id)
  end)
end

members["delete-where"] = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  if options.everyone then where = sendcloud.everyone end
  return common.show_number(options, "deleted", client.members:delete_where(where))
end

return members
