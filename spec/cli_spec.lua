-- The command line: what goes where, and the exit codes.

local cjson = require "cjson"
local files = require "spec.support.files"
local program = require "spec.support.program"
local version = require "sendcloud.version"

describe("the command line", function()
  local sendcloud, box

  local function run(...) return sendcloud:run(...) end
  local function ok(...) return sendcloud:ok(...) end

  before_each(function()
    sendcloud = program.start()
    box = sendcloud.box
  end)

  after_each(function()
    sendcloud:stop()
    files.clean()
  end)

  it("prints a table for a person, without what would steer a terminal", function()
    local out = ok("members", "list", "--where", "Age >= 1")
    assert.truthy(out:find("^ID +EMAIL +NAME"))
    assert.truthy(out:find("李磊", 1, true))
    assert.truthy(out:find('Mei, "M"?[31m', 1, true))
    assert.falsy(out:find("\27", 1, true))
  end)

  it("prints one JSON document, lists as lists", function()
    local list = cjson.decode(ok("members", "list", "--json"))
    assert.equal(2, #list)
    local out = ok("members", "list", "--where", 'Email contain "mei"', "--json")
    assert.truthy(out:find('"tag_ids":[]', 1, true), out)
    assert.equal("[]\n", ok("members", "list", "--where", "Age > 99", "--json"))
  end)

  it("prints CSV with quotes where they are needed", function()
    local out = ok("members", "list", "--csv", "--where", 'Email contain "mei"')
    assert.truthy(out:find('mei@example.org,"Mei, ""M""\27[31m"', 1, true), out)
    assert.truthy(out:find(",Age=12\r\n", 1, true), out)
  end)

  it("imports a list and says with its exit code that rows were refused", function()
    local rejects = files.path()
    local out, err, code = run("email,name\nana@example.com,Ana\nnobody,No\n", "members",
      "import", "-", "--format", "csv", "--rejects", rejects, "--json")
    assert.equal(6, code, err)
    assert.equal("", err) -- no bar where nobody looks
    local report = cjson.decode(out)
    assert.equal(2, report.rows)
    assert.equal(1, report.inserted)
    assert.equal(1, report.rejected)
    assert.truthy(files.read(rejects):find("nobody", 1, true))
  end)

  it("exports to standard output", function()
    local out = ok("members", "export", "-", "--columns", "email", "--where", "Age > 20")
    assert.equal("email\nli.lei@example.com\n", (out:gsub("\r", "")))
  end)

  it("tags members whose ids come from standard input", function()
    local id = ok("tags", "create", "autumn", "--json"):match('"id":"(%x+)"')
    local ids = {}
    for _, member in ipairs(cjson.decode(ok("members", "list", "--json"))) do
      ids[#ids + 1] = member.id
    end
    local out, err, code = run(table.concat(ids, "\n"), "tags", "add", id, "-", "--json")
    assert.equal(0, code, err)
    assert.equal('{"added":2}\n', out)
    assert.equal(2, #cjson.decode(ok("tags", "members", id, "--json")))
  end)

  it("saves a condition and waits for it", function()
    local out = ok("segments", "create", "adults", "--where", "Age >= 18", "--json")
    local id = out:match('"id":"(%x+)"')
    assert(sendcloud.client.segments:wait(id)) -- moves the clock on
    local segment = cjson.decode(ok("segments", "wait", id, "--json"))
    assert.equal("ready", segment.status)
    assert.equal(1, segment.member_total)
    assert.equal(100, cjson.decode(ok("segments", "progress", id, "--json")).percent)
  end)

  it("runs a script with its arguments", function()
    local script = os.tmpname()
    local file = assert(io.open(script, "wb"))
    file:write('print(require("sendcloud")._VERSION, arg[1], ...)')
    file:close()
    assert.equal(version .. "\t--x\t--x\n", ok("run", script, "--x"))
    os.remove(script)
  end)

  it("prints its version", function()
    assert.equal("sendcloud " .. version .. "\n", ok("--version"))
  end)

  for what, case in pairs {
    ["an unknown command"] = { 2, "bogus" },
    ["a bad condition"] = { 2, "members", "list", "--where", "Age >>= 1" },
    ["an update of nothing"] = { 2, "members", "update", ("0"):rep(24) },
    ["deleting by no condition"] = { 2, "members", "delete-where" },
    ["a key among the arguments"] = { 2, "members", "list", "--api-key", "k3y" },
    ["a wrong user"] = { 3, "members", "list", "--api-user", "nobody" },
    ["a member that is not there"] = { 4, "members", "get", ("0"):rep(24) },
    ["a service that is not there"] = { 5, "members", "list", "--base-url",
      "http://127.0.0.1:9" },
    ["a refused contact"] = { 6, "members", "upsert", "nobody" },
    ["a script that is not there"] = { 1, "run", "/nonexistent.lua" },
  } do
    it(("ends with %d for %s"):format(case[1], what), function()
      local out, err, code = run(nil, (table.unpack or unpack)(case, 2))
      assert.equal(case[1], code, err)
      assert.is_not.equal("", err)
      assert.falsy((out .. err):find(box.api_key, 1, true))
    end)
  end
end)
