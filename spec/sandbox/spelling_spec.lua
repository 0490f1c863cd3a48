-- Contacts in JSON as no program of ours writes it: what counts is what it means.

local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local BACKSLASH = "\\"

-- Sends one contact as it is spelled; what became of it: "status email name phone fields tags".
local function sent(contact, switch)
  local box = tools.start(switch or {})
  local body = ('{"members": [%s], "tagFlag": 1, "updateExisting": true}'):format(contact)
  local status, answer = rules.sc(box, "POST", "members", body)
  if status ~= 200 then return ("%d %s"):format(status, answer.error.parameter) end
  if answer.totalErrors and answer.totalErrors > 0 then return "refused" end
  local member = select(2, rules.sc(box, "POST", "listMembers", "{}")).list[1]
  local fields = {}
  for name, value in pairs(member.fields) do fields[#fields + 1] = name .. "=" .. tostring(value) end
  table.sort(fields)
  return table.concat({ member.email, tostring(member.name), tostring(member.phone), table.concat(fields, " "),
    table.concat(member.tagNames, " ") }, "|")
end

local function u(code) return BACKSLASH .. "u" .. code end

describe("a contact means the same however it is spelled:", function()
  local nothing = tostring(rules.null)
  local cases = {
    { "tight", '{"email":"a@b.cn","name":"n","phone":"1","fields":{"Age":"8"},"tags":["x","y"]}',
      "a@b.cn|n|1|Age=8|x y" },
    { "white space everywhere",
      '\n\t{ "email" : "a@b.cn" ,\r\n"fields" : { "Age" : "8" , "City":"B" } , "tags" : [ "x" , "y" ] } ',
      "a@b.cn|" .. nothing .. "|" .. nothing .. "|Age=8 City=B|x y" },
    { "escaped keys", '{"' .. u "0065" .. 'mail":"a@b.cn","f' .. u "0069" .. 'elds":{"' .. u "0041" .. 'ge":"8"},"t'
      .. u "0061" .. 'gs":["x"]}', "a@b.cn|" .. nothing .. "|" .. nothing .. "|Age=8|x" },
    { "escaped values", '{"email":"a@b.cn","name":"' .. u "00e9" .. u "4e2d" .. u "d83d" .. u "de00" .. '\\/\\"\\\\","tags":["'
      .. u "4e2d" .. '"],"fields":{"City":"' .. u "4e2d" .. '"}}', 'a@b.cn|é中😀/"\\|' .. nothing .. "|City=中|中" },
    { "control characters in a name", '{"email":"a@b.cn","name":"1\\b\\f\\n\\r\\t2"}',
      "a@b.cn|1\b\f\n\r\t2|" .. nothing .. "||" },
    { "the last of two", '{"email":"x@y.cn","email":"a@b.cn","tags":["x","y"],"tags":["z"]}',
      "a@b.cn|" .. nothing .. "|" .. nothing .. "||z" },
    { "what nobody asked for",
      '{"email":"a@b.cn","other":{"email":"no@b.cn","tags":[{"fields":{"a":["]}"]}}]},"name":"n","x":-1.5e3}',
      "a@b.cn|n|" .. nothing .. "||" },
    { "brackets and quotes in texts", '{"email":"a@b.cn","name":"]}[{,:\\"","fields":{"City":"}\\"]"}}',
      'a@b.cn|]}[{,:"|' .. nothing .. '|City=}"]|' },
    { "empty things", '{"email":"a@b.cn","name":"","fields":{},"tags":[]}', "a@b.cn||" .. nothing .. "||" },
    { "scalars in fields", '{"email":"a@b.cn","fields":{"Age":8,"City":true}}',
      "a@b.cn|" .. nothing .. "|" .. nothing .. "|Age=8 City=true|" },
    { "no contact", "5", "400 members" },
    { "a list for a contact", '[{"email":"a@b.cn"}]', "400 members" },
    { "a number for an address", '{"email":5}', "400 email" },
    { "a list for fields", '{"email":"a@b.cn","fields":[]}', "400 fields" },
    { "an object for tags", '{"email":"a@b.cn","tags":{}}', "400 tags" },
    { "a tag that is a number", '{"email":"a@b.cn","tags":["x",1]}', "400 tags" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.equal(case[3], sent(case[2])) end)
  end

  it("the parts beside the contacts, too", function()
    local box = tools.start {}
    local function status(text)
      local got, answer = rules.sc(box, "POST", "members", text)
      return got == 200 and got or got .. " " .. answer.error.parameter
    end
    local one = '[{"email":"a@b.cn"}]'
    assert.equal(200, status('{ "updateExisting" : false , "members" : ' .. one .. ' , "tagFlag" : null }'))
    assert.equal(200, status('{"members":' .. one .. ',"' .. u "0074" .. 'agFlag":2,"updateExisting":true,"tagFlag":9}'))
    assert.equal("400 tagFlag", status('{"members":' .. one .. ',"tagFlag":3,"updateExisting":true}'))
    assert.equal("400 tagFlag", status('{"members":' .. one .. ',"tagFlag":1.0,"updateExisting":true}'))
    assert.equal("400 tagFlag", status('{"members":' .. one .. ',"tagFlag":"1","updateExisting":true}'))
    assert.equal("400 updateExisting", status('{"members":' .. one .. ',"tagFlag":1,"updateExisting":"true"}'))
    assert.equal("400 updateExisting", status('{"members":' .. one .. ',"tagFlag":1}'))
    assert.equal("400 members", status('{"members":[ ],"tagFlag":1,"updateExisting":true}'))
    assert.equal("400 members", status('{"members":{},"tagFlag":1,"updateExisting":true}'))
    assert.equal("400 members", status('{"Members":' .. one .. ',"tagFlag":1,"updateExisting":true}'))
    assert.equal(400, (rules.sc(box, "POST", "members", " [] ")))
  end)
end)
