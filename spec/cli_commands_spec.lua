-- lua/sendcloud/cli: pages and columns, several ids, calls by name.

local cjson = require "cjson"
local program = require "spec.support.program"

local NOBODY = ("0"):rep(24)

describe("commands", function()
  local sendcloud

  local function ok(...) return sendcloud:ok(...) end

  before_each(function() sendcloud = program.start() end)
  after_each(function() sendcloud:stop() end)

  local function ids()
    local list = {}
    for _, member in ipairs(cjson.decode(ok("members", "list", "--json"))) do
      list[#list + 1] = member.id
    end
    return list
  end

  it("show columns, pages and how much more there is", function()
    assert.equal("email,fields.Age\r\nmei@example.org,12\r\nli.lei@example.com,31\r\n",
      ok("members", "list", "--columns", "email,fields.Age", "--csv"))
    assert.equal("EMAIL             AGE\nmei@example.org   12\n",
      (ok("members", "list", "--columns", "email,Age", "--limit", "1")
        :gsub("EMAIL +", "EMAIL             "):gsub("org +", "org   ")))
    local out, err, code = sendcloud:run(nil, "members", "list", "--offset", "1", "--count", "1",
      "--columns", "email", "--json")
    assert.equal(0, code, err)
    assert.same({ { email = "li.lei@example.com" } }, cjson.decode(out))
    assert.equal("sendcloud: 1 of 2, from 1 on\n", err)
    assert.equal('[\n{"email":"li.lei@example.com"}\n]\n',
      ok("members", "list", "--offset", "1", "--columns", "email", "--json"))
    assert.equal("[]\n", ok("members", "list", "--offset", "9", "--limit", "0", "--json"))

    local many = {}
    for i = 1, 130 do many[i] = { email = ("m%d@x.org"):format(i) } end
    assert(sendcloud.client.members:upsert(many))
    out, err = sendcloud:run(nil, "members", "list", "--json")
    assert.equal(100, #cjson.decode(out))
    assert.equal("sendcloud: the first 100; --limit 0 shows all\n", err)
    out, err = sendcloud:run(nil, "members", "list", "--json", "--limit", "0")
    assert.same({ 132, "" }, { #cjson.decode(out), err })
  end)

  it("line up what is wide", function()
    local out = ok("members", "list", "--columns", "name,email", "--limit", "2")
    assert.truthy(out:find("\n李磊           li.lei@example.com\n", 1, true), out)
  end)

  it("take several ids, or those of standard input", function()
    local list = ids()
    local one = cjson.decode(ok("members", "get", list[1], "--json"))
    assert.equal(list[1], one.id)
    assert.equal("email  mei@example.org\n", ok("members", "get", list[1], "--columns", "email"))
    local both = cjson.decode(ok("members", "get", list[2], list[1], "--json"))
    assert.same({ list[2], list[1] }, { both[1].id, both[2].id })
    local out, err, code = sendcloud:run(list[1] .. "\n", "members", "get", "-", "--json")
    assert.equal(0, code, err)
    assert.equal(1, #cjson.decode(out))

    out, err, code = sendcloud:run(nil, "members", "get", list[1], NOBODY, list[2], "--json")
    assert.equal(4, code)
    assert.equal(2, #cjson.decode(out))
    assert.truthy(err:find("^sendcloud: " .. NOBODY .. ": members.get: "), err)
    out, err, code = sendcloud:run(table.concat(list, " "), "members", "delete", "-", NOBODY,
      "--json")
    assert.equal(4, code, err)
    assert.equal('{"deleted":2}\n', out)
    assert.equal("[]\n", ok("members", "list", "--json"))
  end)

  it("leave members as they are where they are told to", function()
    assert.truthy(ok("members", "upsert", "mei@example.org", "--name", "Other",
      "--no-update-existing"):find("updated"))
    assert.falsy(ok("members", "list"):find("Other", 1, true))
    local out, err, code = sendcloud:run("email,name\nmei@example.org,Other\n", "members", "import",
      "-", "--no-update-existing", "--json")
    assert.equal(0, code, err)
    assert.falsy(ok("members", "list"):find("Other", 1, true), out)
    ok("members", "upsert", "mei@example.org", "--name", "Other", "--update-existing")
    assert.truthy(ok("members", "list"):find("Other", 1, true))
  end)

  it("map columns by name and by number", function()
    local _, err, code = sendcloud:run("a,b,c\nx@y.org,X,7\n", "members", "import", "-",
      "--format", "csv", "--map", "#1=email", "--map", "b=name", "--map", "c=")
    assert.equal(0, code, err)
    local member = cjson.decode(ok("members", "list", "--limit", "1", "--json"))[1]
    assert.same({ "x@y.org", "X", {} }, { member.email, member.name, member.fields })
  end)

  it("find a tag or make it", function()
    local made = cjson.decode(ok("tags", "ensure", "2022", "--json"))
    assert.equal(made.id, cjson.decode(ok("tags", "ensure", "2022", "--json")).id)
    assert.equal("2022", cjson.decode(ok("tags", "find", "2022", "--json")).name)
  end)

  describe("by the name of an operation", function()
    it("take text, JSON and standard input", function()
      local out = ok("call", "members.list", "count=1", "where=Age > 20", "--json")
      assert.equal("li.lei@example.com", cjson.decode(out)[1].email)
      out = ok("call", "members.list", '{"count":1,"where":"Age < 20"}', "--columns", "email", "--csv")
      assert.equal("email\r\nmei@example.org\r\n", out)
      out = cjson.decode(ok("call", "members.upsert", 'members:=[{"email":"n@x.org","tags":[]}]',
        "update_existing=false", "--json"))
      assert.equal(1, out.inserted_count)
      assert.equal(1, #out.inserted)
      assert.equal("2022", cjson.decode(ok("call", "tags.create", "name=2022", "--json")).name)
      local text, err, code = sendcloud:run('{"members":[{"email":"nobody"}]}', "call",
        "members.upsert", "-", "--json")
      assert.equal(6, code, err)
      assert.truthy(text:find('"updated":[]', 1, true), text)
      assert.equal('{"result":1}\n',
        ok("call", "members.delete_where", 'where=Email == "n@x.org"', "--json"))
    end)

    for what, words in pairs {
      ["an unknown operation"] = { "members.lst" },
      ["what is neither JSON nor a pair"] = { "members.list", "count" },
      ["broken JSON"] = { "members.list", '{"count":' },
      ["broken JSON of a value"] = { "members.upsert", "members:=[" },
      ["a bad condition"] = { "members.list", "where=Age >>= 1" },
      ["a wrong parameter"] = { "members.list", "count=many" },
      ["no condition to delete by"] = { "members.delete_where" },
    } do
      it("refuse " .. what, function()
        local out, err, code = sendcloud:run(nil, "call", (table.unpack or unpack)(words))
        assert.same({ "", 2 }, { out, code })
        assert.truthy(err:find("^sendcloud: [^\n]+\n$"), err)
      end)
    end
  end)
end)
