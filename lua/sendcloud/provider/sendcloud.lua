--- SendCloud's marketing lists: every operation of its documents on one page. Data only.
--
-- README.md beside this file says what each key means. Documents: MarketingAPI
-- members_do, tags_do and segments_do at https://aurorasendcloud.com/docs/.

local CONTROL = {}
for byte = 0, 31 do CONTROL[#CONTROL + 1] = string.char(byte) end
CONTROL = table.concat(CONTROL) .. "\127"

-- Parts ---------------------------------------------------------------------------------

local outcomes = {
  sent = "sent", opened = "open", clicked = "click",
  not_opened = "unopen", not_clicked = "unclick", not_sent = "notsent",
}

local member_id = {
  type = "string", min = 1, forbid = "/?#%\\" .. CONTROL, what = "member id",
  reserved = { "delete-batch", "delete" },
}
local tag_id = {
  type = "string", min = 1, forbid = "/?#%\\" .. CONTROL, what = "tag id",
  reserved = { "add", "remove", "members", "delete-batch", "delete" },
}
local segment_id = {
  type = "string", min = 1, forbid = "/?#%\\" .. CONTROL, what = "segment id",
  reserved = { "process", "members", "delete-batch", "delete" },
}

local offset = { name = "offset", type = "integer", min = 0, default = 0 }
local count = { name = "count", type = "integer", min = 1, max = 100, default = 10 }
local page = { type = "record", offset, count }

local tag_name = { type = "string", min = 1, max = 64, what = "tag name" }
-- A null element or an empty list says something else than no list: see the documents'
-- table of tag modes.
local tags = { name = "tags", type = "list", of = tag_name, nullable = true }
local fields = { name = "fields", type = "map", nullable = true }
local phone = { name = "phone", type = "string", nullable = true }
local name = { name = "name", type = "string", nullable = true }

local member_ids = {
  name = "member_ids", wire = "memberIds", type = "list", required = true,
  min = 1, max = 1000,
  of = { type = "string", min = 1, forbid = member_id.forbid, what = "member id" },
}

local op = {
  name = "op", type = "string", required = true,
  values = {
    ["=="] = "==", ["!="] = "!=", [">"] = ">", [">="] = ">=", ["<"] = "<", ["<="] = "<=",
    exist = "exist", contain = "contain", ["does not contain"] = "does not contain",
  },
}
local items = {
  name = "items", type = "list", min = 1, max = 10, required = true,
  of = {
    type = "record",
    { name = "campaign", wire = "campaignId", type = "integer" },
    { name = "field", wire = "fieldName", type = "string", min = 1, required = true },
    op,
    { name = "value", type = "string", required = true },
  },
}
local function condition(required)
  return {
    name = "where", wire = "condition", type = "record", required = required,
    { name = "relation", type = "string", required = true,
      values = { ["and"] = "and", ["or"] = "or" } },
    items,
  }
end
local filter = { type = "record", condition() }

-- Answers -------------------------------------------------------------------------------

-- `tags` are names in a request and ids in an answer. One sample says createDate where
-- the table says createTime; ids are numbers here and there; any time may be missing.
local member = {
  type = "record", mark = "member", refuse = "error",
  { name = "id", type = "string", required = true },
  { name = "email", type = "string" },
  { name = "phone", type = "string" },
  { name = "name", type = "string" },
  { name = "fields", type = "map", empty = true },
  { name = "tag_ids", wire = "tags", type = "list", of = { type = "string" },
    empty = true },
  { name = "tag_names", wire = "tagNames", type = "list", of = { type = "string" },
    empty = true },
  { name = "list_id", wire = "listId", type = "integer" },
  { name = "user_id", wire = "userId", type = "integer" },
  { name = "create_time", wire = { "createTime", "createDate" }, type = "string" },
  { name = "update_time", wire = { "updateTime", "updateDate" }, type = "string" },
  { name = "unsubscribe_time", wire = "unsubscribeTime", type = "string" },
  { name = "create_time_fmt", wire = "createTimeFmt", type = "string" },
  { name = "update_time_fmt", wire = "updateTimeFmt", type = "string" },
  { name = "unsubscribe_time_fmt", wire = "unsubscribeTimeFmt", type = "string" },
}

local tag = {
  type = "record", mark = "tag", refuse = "error",
  { name = "id", type = "string", required = true },
  { name = "name", wire = "tagName", type = "string" },
  { name = "user_id", wire = "userId", type = "integer" },
  { name = "create_time", wire = "createTime", type = "string" },
  { name = "update_time", wire = "updateTime", type = "string" },
  { name = "count", type = "integer" },
}

local progress = {
  type = "record", refuse = "error",
  { name = "percent", type = "integer" },
  { name = "complete", type = "boolean", required = true },
  { name = "status_desc", wire = "statusDesc", type = "string" },
}

local segment = {
  type = "record", mark = "segment", refuse = "error",
  { name = "id", wire = { "segmentId", "id" }, type = "string", required = true },
  { name = "name", wire = "segmentName", type = "string" },
  { name = "user_id", wire = "userId", type = "integer" },
  { name = "list_id", wire = "listId", type = "integer" },
  { name = "status", type = "string",
    values = { failed = "-1", updating = "1", ready = "2" } },
  { name = "create_time", wire = "createTime", type = "string" },
  { name = "update_time", wire = "updateTime", type = "string" },
  { name = "member_total", wire = "memberTotal", type = "integer" },
  { name = "type", type = "integer", values = { field = 0, campaign = 1 } },
  { name = "relation", type = "string" },
  { name = "conditions", type = "list", empty = true,
    of = {
      type = "record",
      { name = "campaign", wire = "campaignId", type = "integer" },
      { name = "field", wire = "fieldName", type = "string" },
      { name = "op", type = "string", values = op.values },
      { name = "value", type = "string" },
    } },
  { name = "process", type = "record",
    { name = "percent", type = "integer" },
    { name = "complete", type = "boolean" },
    { name = "status_desc", wire = "statusDesc", type = "string" } },
}

local function list_of(record)
  return {
    type = "record", refuse = "error",
    { name = "list", type = "list", of = record, required = true },
    { name = "total", type = "integer" },
  }
end

local number_done = {
  type = "record", refuse = "error",
  { name = "number", wire = "successCount", type = "integer", required = true },
}

local written = {
  type = "record",
  { name = "id", type = "string" },
  { name = "email", type = "string" },
}
-- The document does not show an element of `errors`: these are the keys its sister has.
local refused = {
  type = "record", mark = "refusal",
  { name = "email", type = "string", required = true },
  { name = "message", type = "string", required = true },
}
local function upserted(refusal)
  return {
    type = "record", refuse = "error",
    { name = "inserted_count", wire = "totalInserted", type = "integer", required = true },
    { name = "inserted", wire = "insertedMembers", type = "list", of = written },
    { name = "updated_count", wire = "totalUpdated", type = "integer" },
    { name = "updated", wire = "updatedMembers", type = "list", of = written },
    { name = "error_count", wire = "errorCount", type = "integer" },
    { name = "errors", type = "list", of = refusal },
  }
end

-- Requests ------------------------------------------------------------------------------

local members_in = {
  name = "members", type = "list", min = 1, max = 1000, required = true,
  of = {
    type = "record",
    { name = "email", type = "string", min = 1, required = true },
    phone, name, fields, tags,
  },
}
local segment_name = {
  name = "name", wire = "segmentName", type = "string", min = 1, max = 48,
  forbid = "^?+.*\\[]()", what = "segment name",
}
local segment_type = {
  name = "type", type = "integer", values = { field = 0, campaign = 1 }, required = true,
}

local function with(node, name_, wire)
  local copy = {}
  for key, value in pairs(node) do copy[key] = value end
  copy.name, copy.wire, copy.required = name_, wire, true
  return copy
end

local MEMBERS = "/marketing/lists/members"
local TAGS = "/marketing/lists/tags"
local SEGMENTS = "/marketing/lists/segments"

local EVERYBODY = "without a condition the service would delete everybody; "
  .. "who means that says sendcloud.everyone"

local operations = {
  -- members_do --------------------------------------------------------------------------
  ["members.upsert"] = {
    method = "POST", path = MEMBERS, class = "convergent",
    body = {
      type = "record",
      members_in,
      { name = "tag_mode", wire = "tagFlag", type = "integer", default = "append",
        values = { replace = 0, append = 1, keep = 2 } },
      { name = "update_existing", wire = "updateExisting", type = "boolean",
        default = true },
    },
    answer = upserted(refused),
    -- Refusals of any other make: a text is the message, what an object has is kept.
    otherwise = { { answer = upserted { type = "any" }, refusals = "errors" } },
    summary = {
      type = "record", refuse = "error",
      { name = "inserted_count", wire = "totalInserted", type = "integer",
        required = true },
      { name = "updated_count", wire = "totalUpdated", type = "integer" },
      { name = "error_count", wire = "errorCount", type = "integer" },
      { name = "errors", type = "list",
        of = {
          type = "record",
          { name = "email", type = "string" },
          { name = "message", type = "string" },
        } },
    },
    counts = { inserted_count = "inserted", updated_count = "updated",
      error_count = "errors" },
  },
  ["members.delete"] = {
    method = "DELETE", path = MEMBERS .. "/{id}", id = "member", class = "convergent",
    result = true, done = "not_found",
  },
  ["members.delete_where"] = {
    method = "DELETE", path = MEMBERS .. "/delete-batch", class = "additive",
    where = { required = EVERYBODY, everyone = true, exists = true },
    body = filter, answer = number_done, pick = "number",
  },
  ["members.update"] = {
    method = "PATCH", path = MEMBERS .. "/{id}", id = "member", class = "convergent",
    fixed = { email = "cannot be changed" },
    body = { type = "record", phone, name, fields, tags },
    answer = member, record = "member",
  },
  ["members.get"] = {
    method = "GET", path = MEMBERS .. "/{id}", id = "member", class = "read",
    answer = member, record = "member",
  },
  ["members.list"] = {
    method = "POST", path = "/marketing/lists/listMembers", class = "read",
    where = { exists = true },
    query = page, body = filter, answer = list_of(member), page = true, record = "member",
  },

  -- tags_do -----------------------------------------------------------------------------
  ["tags.create"] = {
    method = "POST", path = TAGS, class = "additive",
    body = { type = "record", with(tag_name, "name", "tagName") },
    answer = tag, record = "tag", echo = { "name" },
  },
  ["tags.delete"] = {
    method = "DELETE", path = TAGS .. "/{id}", id = "tag", class = "convergent",
    result = true, done = "not_found",
  },
  ["tags.update"] = {
    method = "PATCH", path = TAGS .. "/{id}", id = "tag", class = "convergent",
    body = { type = "record", with(tag_name, "name", "tagName") },
    answer = tag, record = "tag",
  },
  ["tags.list"] = {
    method = "GET", path = TAGS, class = "read",
    query = { type = "record", offset, count,
      { name = "name", wire = "tagName", type = "string" } },
    answer = list_of(tag), page = true, record = "tag",
  },
  ["tags.add"] = {
    method = "POST", path = TAGS .. "/{id}/add", id = "tag", class = "convergent",
    body = { type = "record", member_ids }, chunk = { "member_ids", 1000 },
    answer = number_done, pick = "number",
  },
  ["tags.remove"] = {
    method = "POST", path = TAGS .. "/{id}/remove", id = "tag", class = "convergent",
    body = { type = "record", member_ids }, chunk = { "member_ids", 1000 },
    answer = number_done, pick = "number",
  },
  ["tags.members"] = {
    method = "GET", path = TAGS .. "/{id}/members", id = "tag", class = "read",
    query = page, answer = list_of(member), page = true, record = "member",
  },

  -- segments_do -------------------------------------------------------------------------
  ["segments.create"] = {
    method = "POST", path = SEGMENTS, class = "additive",
    where = { required = true, campaign = outcomes }, computed = { type = "where" },
    body = { type = "record", with(segment_name, "name", "segmentName"), segment_type,
      condition(true) },
    answer = segment, record = "segment", echo = { "name", "type" },
  },
  ["segments.delete"] = {
    method = "DELETE", path = SEGMENTS .. "/{id}", id = "segment", class = "convergent",
    result = true, done = "not_found",
  },
  ["segments.update"] = {
    method = "PATCH", path = SEGMENTS .. "/{id}", id = "segment", class = "convergent",
    where = { required = true, campaign = outcomes }, computed = { type = "where" },
    body = { type = "record", segment_name, segment_type, condition(true) },
    answer = segment, record = "segment",
  },
  ["segments.get"] = {
    method = "GET", path = SEGMENTS .. "/{id}", id = "segment", class = "read",
    answer = segment, record = "segment",
  },
  ["segments.list"] = {
    method = "GET", path = SEGMENTS, class = "read",
    query = { type = "record", offset, count,
      { name = "name", wire = "segmentName", type = "string" },
      { name = "type", type = "integer", values = { field = 0, campaign = 1 } } },
    answer = list_of(segment), page = true, record = "segment",
  },
  ["segments.progress"] = {
    method = "GET", path = SEGMENTS .. "/{id}/process", id = "segment", class = "read",
    answer = progress,
  },
  ["segments.members"] = {
    method = "POST", path = SEGMENTS .. "/{id}/members", id = "segment", class = "read",
    where = {},
    query = page, body = filter, answer = list_of(member), page = true, record = "member",
  },
  -- The document does not say whether the contacts are deleted or only taken out; as a
  -- segment is a condition, nothing short of deleting them can take them out.
  ["segments.remove_members"] = {
    method = "DELETE", path = SEGMENTS .. "/{id}/members", id = "segment",
    class = "convergent",
    body = { type = "record", member_ids }, chunk = { "member_ids", 1000 },
    answer = number_done, pick = "number",
  },
}

return {
  name = "sendcloud",
  base_url = "https://api2.sendcloud.net",
  scheme = "Bearer",
  content_type = "application/json; charset=utf-8",
  ids = { member = member_id, tag = tag_id, segment = segment_id },
  where_values = outcomes,
  error = {
    -- A segment has a `status` too, but no object `error`.
    shape = {
      type = "record",
      { name = "code", wire = "status", type = "integer" },
      { name = "detail", wire = "error", type = "record", required = true,
        { name = "parameter", type = "string" },
        { name = "message", type = "string" } },
    },
    kinds = {
      [400] = "rejected", [401] = "auth", [403] = "auth", [404] = "not_found",
      [409] = "conflict", [429] = "rate_limited", [500] = "server",
    },
  },
  hints = {
    auth = "credentials work only at the region they were made in: see base_url",
  },
  operations = operations,
  unsupported = {},
}
