-- Unique marks in the key, the user, addresses, names, fields and tags: none may come out in an
-- error, an event or a line of the log, whatever is called and whatever goes wrong.

local sandbox = require "sendcloud.sandbox"
local sendcloud = require "sendcloud"

local where = sendcloud.where

local USER, KEY = "MarkUser4711", "MarkKey4711"
local HEADER = "TWFya1VzZXI0NzExOk1hcmtLZXk0NzEx" -- base64 of both
local MARKS = { USER, KEY, HEADER, "markaddress", "MarkName", "MarkValue", "MarkTag", "MarkPhone",
  "MarkSegment" }

local MEMBER = {
  email = "markaddress@x.example", name = "MarkName", phone = "MarkPhone",
  fields = { City = "MarkValue" }, tags = { "MarkTag" },
}

local function operations(is)
  local condition = where.City:contains("MarkValue")
  return {
    ["members.upsert"] = { members = { MEMBER } },
    ["members.delete"] = { id = is.member },
    ["members.delete_where"] = { where = condition },
    ["members.update"] = { id = is.member, name = "MarkName", phone = "MarkPhone",
      fields = MEMBER.fields, tags = MEMBER.tags },
    ["members.get"] = { id = is.member },
    ["members.list"] = { where = condition },
    ["tags.create"] = { name = "MarkTag" },
    ["tags.delete"] = { id = is.tag },
    ["tags.update"] = { id = is.tag, name = "MarkTag" },
    ["tags.list"] = { name = "MarkTag" },
    ["tags.add"] = { id = is.tag, member_ids = { is.member } },
    ["tags.remove"] = { id = is.tag, member_ids = { is.member } },
    ["tags.members"] = { id = is.tag },
    ["segments.create"] = { name = "MarkSegment", where = condition },
    ["segments.delete"] = { id = is.segment },
    ["segments.update"] = { id = is.segment, name = "MarkSegment", where = condition },
    ["segments.get"] = { id = is.segment },
    ["segments.list"] = { name = "MarkSegment" },
    ["segments.progress"] = { id = is.segment },
    ["segments.members"] = { id = is.segment, where = condition },
    ["segments.remove_members"] = { id = is.segment, member_ids = { is.member } },
  }
end

-- A service that quotes what it was sent, and the header.
local QUOTING = '{"status":400,"code":39400,"message":"%s","error":{"parameter":"","message":"%s"}}'

local FAULTS = {
  {}, { reset = "connect" }, { reset = "before" }, { reset = "after" }, { delay = 60 },
  { status = 400 }, { status = 401 }, { status = 404 }, { status = 409 },
  { status = 429, retry_after = 5 }, { status = 500 }, { status = 503, html = true },
  { truncate = 3 }, { html = true }, { error_body = 400 },
  { status = 400, body = "quote" }, { status = 502, body = "quote plainly" },
}

local function assert_clean(text, what)
  for _, mark in ipairs(MARKS) do
    if text:find(mark, 1, true) then
      error(("%s shows %s: %s"):format(what, mark, text), 0)
    end
  end
end

local function texts(value, out)
  out = out or {}
  if type(value) == "table" then
    for key, inner in pairs(value) do
      texts(key, out)
      texts(inner, out)
    end
  elseif value ~= nil then
    out[#out + 1] = tostring(value)
  end
  return out
end

local function everything_quoted(parameters)
  return ("bad %s %s Bearer %s: %s <markaddress@x.example>"):format(USER, KEY, HEADER,
    table.concat(texts(parameters), ", "))
end

-- Everything written to standard error while f runs.
local function captured(f)
  local stderr, lines = io.stderr, {}
  io.stderr = { write = function(_, text) lines[#lines + 1] = text end } -- luacheck: ignore
  local ok, err = pcall(f)
  io.stderr = stderr -- luacheck: ignore
  if not ok then error(err, 0) end
  return table.concat(lines)
end

local function new_client(box, provider, events)
  local getenv = os.getenv
  os.getenv = function(name) -- luacheck: ignore
    if name == "SENDCLOUD_LOG" then return "debug" end
    return getenv(name)
  end
  local client = assert(box:client {
    provider = provider, transport = "sandbox", retry = { attempts = 2 },
    on_event = function(event) events[#events + 1] = event end,
  })
  os.getenv = getenv -- luacheck: ignore
  return client
end

-- What exists before: so that creations clash, and changes find something.
local function setting()
  local box = assert(sandbox.start { seed = 1, api_user = USER, api_key = KEY })
  local maker = assert(box:client { transport = "sandbox" })
  local report = assert(maker.members:upsert { MEMBER })
  return box, {
    member = report.inserted[1].id,
    tag = assert(maker.tags:create("Other")).id,
    segment = assert(maker.segments:create { name = "Other", where = where.Email:ne("x") }).id,
  }
end

describe("nothing private shows", function()
  for _, provider in ipairs { "sendcloud", "engagelab" } do
    local rows = require("sendcloud.provider." .. provider).operations
    for operation in pairs(rows) do
      it("in what " .. provider .. "'s " .. operation .. " tells when it fails", function()
        for _, fault in ipairs(FAULTS) do
          local box, is = setting()
          local events, failed = {}, nil
          local client = new_client(box, provider, events)
          local rule = { operation = operation }
          for name, value in pairs(fault) do rule[name] = value end
          if rule.body then
            local text = everything_quoted(operations(is)[operation])
            rule.body = rule.body == "quote" and QUOTING:format(text, text) or text
          end
          if next(fault) then box:fault(rule) end
          local log = captured(function()
            failed = select(2, client:call(operation, operations(is)[operation]))
          end)
          assert.truthy(log:find("sendcloud " .. operation .. " done", 1, true))
          assert_clean(log, "the log")
          assert_clean(table.concat(texts(events), "\n"), "an event")
          if failed then
            assert_clean(tostring(failed), "the error")
            assert_clean(table.concat(texts(failed), "\n"), "a field of the error")
          end
          box:stop()
        end
      end)
    end
  end

  it("in what is refused before it is sent", function()
    local box, is = setting()
    local client = new_client(box, "sendcloud", {})
    local long = ("MarkTag"):rep(20)
    local calls = {
      function() return client.members:upsert { { email = "markaddress@x.example", phone = 5 } } end,
      function() return client.members:upsert { { email = "markaddress\255" } } end,
      function() return client.members:upsert { { email = "a@b.example", tags = { long } } } end,
      function() return client.members:upsert { { email = "a@b.example", name = { "MarkName" } } } end,
      function() return client.members:get("MarkName/MarkValue") end,
      function() return client.members:update(is.member, { fields = { City = { "MarkValue" } } }) end,
      function() return client.members:list { where = { relation = "MarkValue", items = {
        { field = "City", op = "==", value = "MarkValue" } } } } end,
      function() return client.members:list { where = where.City:eq({ "MarkValue" }) } end,
      function() return client.tags:create(long) end,
      function() return client.tags:find("MarkTag 2") end,
      function() return client.segments:create { name = "MarkSegment?", where = where.A:eq("x") } end,
      function() return client:request { path = "/x", body = { markaddress = print } } end,
    }
    for index, f in ipairs(calls) do
      local result, err = f()
      assert.is_nil(result)
      assert_clean(tostring(err) .. table.concat(texts(err), "\n"), "call " .. index)
    end
    box:stop()
  end)

  it("in why a client cannot be made", function()
    for _, options in ipairs {
      { api_user = USER .. ":", api_key = KEY }, { api_user = USER, api_key = KEY .. "\n" },
      { api_user = USER }, { api_key = KEY }, { api_user = USER, api_key = KEY, x = KEY },
      { api_user = USER, api_key = KEY, base_url = "http://" .. KEY .. ".example" },
      { api_user = USER, api_key = KEY, base_url = "https://" .. USER .. ":" .. KEY .. "@x.example" },
      { api_user = USER, api_key = KEY, proxy = KEY .. "\n" },
      { api_user = USER, api_key = KEY, provider = KEY },
    } do
      local client, err = sendcloud.new(options)
      assert.is_nil(client)
      assert_clean(tostring(err) .. table.concat(texts(err), "\n"), "the error")
    end
  end)
end)
