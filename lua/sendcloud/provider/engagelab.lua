--- EngageLab's marketing lists: the six operations on members its document describes.
-- Data only; README.md beside this file says what each key means.
-- Document: https://www.engagelab.com/docs/email/rest-api/marketing/members.

local CONTROL = {}
for byte = 0, 31 do CONTROL[#CONTROL + 1] = string.char(byte) end
CONTROL = table.concat(CONTROL) .. "\127"

-- Parts ---------------------------------------------------------------------------------

local member_id = {
  type = "string", min = 1, forbid = "/?#%\\" .. CONTROL, what = "member id",
  reserved = { "delete", "delete-batch" },
}

local tags = {
  name = "tags", type = "list", nullable = true,
  of = { type = "string", min = 1, max = 64, what = "tag name" },
}
local fields = { name = "fields", type = "map", nullable = true }
local phone = { name = "phone", type = "string", nullable = true }
local name = { name = "name", type = "string", nullable = true }

local filter = {
  type = "record",
  {
    name = "where", wire = "condition", type = "record",
    { name = "relation", type = "string", required = true,
      values = { ["and"] = "and", ["or"] = "or" } },
    { name = "items", type = "list", min = 1, max = 10, required = true,
      of = {
        type = "record",
        { name = "field", wire = "field_name", type = "string", min = 1,
          required = true },
        { name = "op", type = "string", required = true,
          values = {
            ["=="] = "==", ["!="] = "!=", [">"] = ">", [">="] = ">=", ["<"] = "<",
            ["<="] = "<=", exist = "exist", contain = "contain",
            ["does not contain"] = "does not contain",
          } },
        { name = "value", type = "string", required = true },
      } },
  },
}

-- Answers -------------------------------------------------------------------------------

local id = { type = "string" }
local member = {
  type = "record", mark = "member",
  { name = "id", wire = "member_id", type = "string", required = true },
  { name = "email", type = "string" },
  { name = "phone", type = "string" },
  { name = "name", type = "string" },
  { name = "fields", type = "map", empty = true },
  -- One table says `tags` for the ids, the others and all samples tag_ids.
  { name = "tag_ids", wire = { "tag_ids", "tags" }, type = "list", of = id,
    empty = true },
  { name = "tag_names", type = "list", of = { type = "string" }, empty = true },
  { name = "list_id", type = "integer" },
  { name = "user_id", type = "integer" },
  { name = "create_time", type = "string" },
  { name = "update_time", type = "string" },
  { name = "unsubscribe_time", type = "string" },
}

local result = { name = "member", wire = "result", required = true }
for key, value in pairs(member) do result[key] = value end
local enveloped_member = { type = "record", result }

local number_done = {
  type = "record",
  { name = "number", wire = "count", type = "integer", required = true },
}

local written = {
  type = "record",
  { name = "id", wire = "member_id", type = "string" },
  { name = "email", type = "string" },
}
local refused = {
  type = "record", mark = "refusal",
  { name = "email", type = "string" },
  { name = "message", type = "string" },
}

local MEMBERS = "/v1/marketing/lists/members"

local EVERYBODY = "without a condition the service would delete everybody; "
  .. "who means that says sendcloud.everyone"

local operations = {
  ["members.upsert"] = {
    method = "POST", path = MEMBERS, class = "convergent",
    body = {
      type = "record",
      { name = "members", type = "list", min = 1, max = 1000, required = true,
        of = {
          type = "record",
          { name = "email", type = "string", min = 1, required = true },
          phone, name, fields, tags,
        } },
      { name = "tag_mode", wire = "tag_flag", type = "integer", default = "append",
        values = { replace = 0, append = 1, keep = 2 } },
      { name = "update_existing", type = "boolean", default = true },
    },
    answer = {
      type = "record",
      { name = "inserted_count", wire = "created_count", type = "integer",
        required = true },
      { name = "inserted", wire = "created_members", type = "list", of = written },
      { name = "updated_count", type = "integer" },
      { name = "updated", wire = "updated_members", type = "list", of = written },
      { name = "error_count", type = "integer" },
      { name = "errors", wire = "error_members", type = "list", of = refused },
    },
    summary = {
      type = "record",
      { name = "inserted_count", wire = "created_count", type = "integer",
        required = true },
      { name = "updated_count", type = "integer" },
      { name = "error_count", type = "integer" },
      { name = "errors", wire = "error_members", type = "list", of = refused },
    },
    counts = { inserted_count = "inserted", updated_count = "updated",
      error_count = "errors" },
  },
  ["members.delete"] = {
    method = "DELETE", path = MEMBERS .. "/{id}", id = "member", class = "convergent",
    answer = number_done, pick = "number", zero = "not_found", result = true,
    done = "not_found",
  },
  ["members.delete_where"] = {
    method = "DELETE", path = MEMBERS .. "/delete", class = "additive",
    where = { required = EVERYBODY, everyone = true, exists = true },
    body = filter, answer = number_done, pick = "number",
  },
  ["members.update"] = {
    method = "PUT", path = MEMBERS .. "/{id}", id = "member", class = "convergent",
    fixed = { email = "cannot be changed" },
    body = { type = "record", phone, name, fields, tags },
    -- The table describes a member, the sample is {"count":1}: whichever arrives.
    answer = number_done, made = true, record = "member", echo = { "id" },
    otherwise = { { answer = enveloped_member, pick = "member" }, { answer = member } },
  },
  ["members.get"] = {
    method = "GET", path = MEMBERS .. "/{id}", id = "member", class = "read",
    answer = enveloped_member, pick = "member", record = "member",
    otherwise = { { answer = member } },
  },
  ["members.list"] = {
    method = "POST", path = "/v1/marketing/lists/list_members", class = "read",
    -- The document's own example calls this address.
    fallback_path = "/v1/marketing/lists/listMembers",
    where = { exists = true },
    query = {
      type = "record",
      { name = "offset", type = "integer", min = 0, default = 0 },
      { name = "count", wire = "limit", type = "integer", min = 1, max = 100,
        default = 10 },
    },
    body = filter,
    -- The samples say `result`, the table says `list`. `count` is neither the page size
    -- nor the number found: it is not read.
    answer = {
      type = "record",
      { name = "list", wire = { "result", "list" }, type = "list", of = member,
        required = true },
      { name = "total", type = "integer" },
    },
    page = true, record = "member",
  },
}

local MISSING = "EngageLab's document on %s (https://www.engagelab.com/docs/email/"
  .. "rest-api/marketing/%s) is not among those this version was written from; "
  .. "client:request{} reaches the service without it"

return {
  name = "engagelab",
  base_url = "https://email.api.engagelab.cc",
  regions = {
    sg = "https://email.api.engagelab.cc",
    tr = "https://emailapi-tr.engagelab.com",
  },
  scheme = "Basic",
  content_type = "application/json; charset=utf-8",
  ids = { member = member_id },
  where_values = {},
  error = {
    -- Comes under HTTP 200 too. No good answer has `code` and `message`.
    shape = {
      type = "record",
      { name = "code", type = "integer", required = true },
      { name = "message", type = "string", required = true },
    },
    kinds = { [30000] = "auth", [30036] = "not_found", [32603] = "conflict" },
  },
  hints = {
    auth = "credentials work only at the data centre they were made in: see region",
  },
  operations = operations,
  unsupported = {
    tags = MISSING:format("tags", "tags"),
    segments = MISSING:format("segments", "segments"),
  },
}
