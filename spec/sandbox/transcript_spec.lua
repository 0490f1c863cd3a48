-- The same seed and the same calls give the same answers, byte for byte: twice in process, and
-- over HTTP as in process, faults included.

local tools = require "spec.sandbox.tools"

local CALLS = 1000

-- A generator of our own: the same calls on every Lua (Park and Miller's, exact in a double).
local function dice(seed)
  local state = seed
  return function(n)
    state = state * 48271 % 2147483647
    return state % n + 1
  end
end

local METHODS = { "POST", "POST", "POST", "GET", "PATCH", "PUT", "DELETE" }
local OPS = { "==", "!=", ">", ">=", "<", "<=", "exist", "contain", "does not contain", "like" }
local FIELDS = { "Email", "Name", "Age", "tag", "domain", "createTime", "asge" }

-- One call drawn by the dice; ids come from the answers so far.
local function draw(roll, ids)
  local engagelab = roll(3) == 1
  local function id() return #ids > 0 and ids[roll(#ids)] or "8" end
  local function email() return ("user%d@%s.com"):format(roll(60), roll(2) == 1 and "qq" or "x") end
  local function condition()
    local items = {}
    for i = 1, roll(3) do
      items[i] = ('{"%s":"%s","op":"%s","value":"%d"}'):format(engagelab and "field_name" or "fieldName",
        FIELDS[roll(#FIELDS)], OPS[roll(#OPS)], roll(60))
    end
    return ('"condition":{"relation":"%s","items":[%s]}'):format(roll(2) == 1 and "and" or "or",
      table.concat(items, ","))
  end
  local kinds = {
    function()
      local members = {}
      for i = 1, roll(5) do
        members[i] = ('{"email":"%s","name":"n%d","fields":{"Age":"%d"},"tags":["t%d"]}')
          :format(email(), roll(9), roll(80), roll(5))
      end
      return "POST", "/members", ('{"members":[%s],"%s":%d,"%s":true}'):format(table.concat(members, ","),
        engagelab and "tag_flag" or "tagFlag", roll(3) - 1, engagelab and "update_existing" or "updateExisting")
    end,
    function() return "POST", "/listMembers?offset=" .. roll(5) - 1, "{" .. condition() .. "}" end,
    function() return "GET", "/members/" .. id() end,
    function() return engagelab and "PUT" or "PATCH", "/members/" .. id(), '{"name":"new"}' end,
    function() return roll(4) == 1 and "DELETE" or "GET", "/members/" .. id() end,
    function() return "POST", "/tags", ('{"%s":"t%d"}'):format(engagelab and "name" or "tagName", roll(20)) end,
    function() return "GET", "/tags?offset=0" end,
    function()
      return "POST", "/segments", ('{"%s":"s%d","type":0,%s}')
        :format(engagelab and "segment_name" or "segmentName", roll(9), condition())
    end,
    function() return "GET", "/segments" end,
    function() return METHODS[roll(#METHODS)], roll(3) == 1 and "/x" or "/members", "{" end,
  }
  local method, path, body = kinds[roll(#kinds)]()
  return method, (engagelab and "/v1" or "") .. "/marketing/lists" .. path, body, engagelab
end

local function add_faults(box)
  box:fault { probability = 0.02, status = 500 }
  box:fault { probability = 0.02, status = 429, retry_after = { date = 60 } }
  box:fault { operation = "members.upsert", every = 7, applied = true, status = 503 }
  box:fault { operation = "members.list", every = 11, error_body = true }
  box:fault { probability = 0.01, delay = { 0.001, 0.002 } }
end

-- The calls and what the box answered, from its own log.
local function transcript(box)
  local lines = {}
  for i, request in ipairs(box:requests()) do
    local headers = {}
    for name, value in pairs(request.answer_headers or {}) do
      headers[#headers + 1] = name .. ":" .. value
    end
    table.sort(headers)
    lines[i] = table.concat({ request.number, request.operation or "-", request.method, request.path,
      request.query, request.body, request.status or 0, table.concat(headers, "|"),
      request.answer or "", request.fault or "" }, "\t")
  end
  return table.concat(lines, "\n")
end

local function authorization(box, engagelab)
  return "Authorization: " .. (engagelab and "Basic " or "Bearer ") .. tools.token(box)
end

-- Makes the calls in process; returns them, with the ids that came up on the way.
local function play(box)
  local roll, ids, calls = dice(20261122), {}, {}
  add_faults(box)
  for i = 1, CALLS do
    local method, target, body, engagelab = draw(roll, ids)
    calls[i] = { method, target, body, engagelab }
    local _, answer, _, seconds = tools.ask(box, method, target, body, { authorization(box, engagelab) })
    box:advance(seconds or 0)
    for id in (type(answer) == "string" and answer or ""):gmatch('id":"(%x+)"') do
      if #id == 24 then ids[#ids % 200 + 1] = id end
    end
  end
  return calls
end

local function escape(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

-- The same calls over HTTP, by one curl.
local function play_http(box, calls)
  local lines = {}
  add_faults(box)
  for i, call in ipairs(calls) do
    if i > 1 then lines[#lines + 1] = "next" end
    lines[#lines + 1] = "silent\nrequest = " .. call[1] .. "\nurl = " .. escape(box.url .. call[2])
      .. "\nheader = " .. escape(authorization(box, call[4])) .. "\noutput = /dev/null"
    if call[3] then lines[#lines + 1] = "data-binary = " .. escape(call[3]) end
  end
  local path = os.tmpname()
  tools.write(path, table.concat(lines, "\n"))
  tools.shell("curl -K " .. path .. " 2>&1")
  os.remove(path)
end

describe("a thousand calls drawn from a seed", function()
  after_each(tools.stop_all)

  it("are answered the same twice, over HTTP, and after a reset", function()
    local first = tools.start { seed = 42 }
    local calls = play(first)
    local told = transcript(first)
    assert.equal(CALLS, #first:requests())
    for _, status in ipairs { 200, 201, 204, 400, 404, 405, 429, 500 } do
      assert.truthy(told:find("\t" .. status .. "\t", 1, true), status)
    end

    local second = tools.start { seed = 42 }
    play(second)
    assert(told == transcript(second), "differs the second time")
    second:reset()
    play(second)
    assert(told == transcript(second), "differs after a reset")

    local third = tools.start { seed = 42 }
    play_http(third, calls)
    local over_http = transcript(third)
    if told ~= over_http then
      local a, b = told:gmatch("[^\n]*"), over_http:gmatch("[^\n]*")
      for line in a do
        local other = b()
        assert.equal(line, other)
      end
    end

    local fourth = tools.start { seed = 43 }
    play(fourth)
    assert(told ~= transcript(fourth), "another seed, the same answers")
  end)
end)
