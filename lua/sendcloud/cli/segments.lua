--- `sendcloud segments …`: what its commands do.

local bar = require "sendcloud.cli.bar"
local common = require "sendcloud.cli.common"

local segments = {}

local COLUMNS = common.COLUMNS

segments.create = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  return common.show(options,
    client.segments:create { name = options.name, where = where })
end

segments.update = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  return common.show(options,
    client.segments:update(options.id, { name = options.name, where = where }))
end

segments.get = function(client, options)
  return common.show_ids(client, options, COLUMNS.segments, function(id)
    return client.segments:get(id)
  end)
end

segments.delete = function(client, options)
  return common.delete_ids(client, options, function(id)
    return client.segments:delete(id)
  end)
end

segments.list = function(client, options)
  return common.show_list(options, COLUMNS.segments, function(wanted)
    return client.segments:list(wanted)
  end, function(wanted)
    return client.segments:each(wanted)
  end, { name = options.name, type = options.type })
end

segments.progress = function(client, options)
  return common.show(options, client.segments:progress(options.id))
end

segments.wait = function(client, options)
  local segment, err = client.segments:wait(options.id, {
    timeout = options.wait_for, on_progress = bar.of_segment(),
  })
  bar.clear()
  return common.show(options, segment, err)
end

segments.members = function(client, options)
  local ok, where = common.condition(options)
  if not ok then return nil, where end
  return common.show_list(options, COLUMNS.members, function(wanted)
    return client.segments:members(options.id, wanted)
  end, function(wanted)
    return client.segments:each_member(options.id, wanted)
  end, { where = where })
end

segments["remove-members"] = function(client, options)
  return common.show_number(options, "removed",
    client.segments:remove_members(options.id, common.ids(options.member)))
end

return segments
