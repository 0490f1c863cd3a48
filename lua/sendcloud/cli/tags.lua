--- `sendcloud tags …`: what its commands do.

local common = require "sendcloud.cli.common"

local tags = {}

local COLUMNS = common.COLUMNS

tags.create = function(client, options)
  return common.show(options, client.tags:create(options.name))
end

tags.ensure = function(client, options)
  return common.show(options, client.tags:ensure(options.name))
end

tags.update = function(client, options)
  return common.show(options, client.tags:update(options.id, { name = options.name }))
end

tags.delete = function(client, options)
  return common.delete_ids(client, options, function(id)
    return client.tags:delete(id)
  end)
end

tags.find = function(client, options)
  return common.show(options, client.tags:find(options.name))
end

tags.list = function(client, options)
  return common.show_list(options, COLUMNS.tags, function(wanted)
    return client.tags:list(wanted)
  end, function(wanted)
    return client.tags:each(wanted)
  end, { name = options.name })
end

tags.add = function(client, options)
  return common.show_number(options, "added",
    client.tags:add(options.id, common.ids(options.member)))
end

tags.remove = function(client, options)
  return common.show_number(options, "removed",
    client.tags:remove(options.id, common.ids(options.member)))
end

tags.members = function(client, options)
  return common.show_list(options, COLUMNS.members, function(wanted)
    return client.tags:members(options.id, wanted)
  end, function(wanted)
    return client.tags:each_member(options.id, wanted)
  end)
end

return tags
