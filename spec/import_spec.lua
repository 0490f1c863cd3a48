-- lua/sendcloud/import.lua and batches.lua: what goes in, and what becomes of it.

local cjson = require "cjson"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"
local scripted = require "spec.support.scripted"

local function boxed(options, settings)
  local box = assert(sandbox.start(settings or { seed = 42 }))
  local all = { transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(box:client(all)), box
end

local function members_of(client)
  local found = {}
  for member in client.members:each {} do found[member.email] = member end
  return found
end

local function count(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

local function counts(report)
  return { report.rows, report.inserted, report.updated, report.rejected, report.unknown }
end

-- A service that refuses a request whole when `bad(email)` holds for one of its members.
local function choosy(bad, options)
  local asked = {}
  local client, requests = scripted.client(function(request)
    local list = cjson.decode(tostring(request.body)).members
    local wrong = false
    for _, member in ipairs(list) do wrong = wrong or bad(member.email) end
    asked[#asked + 1] = #list
    if wrong then
      return scripted.json(400, '{"status":400,"error":{"parameter":"","message":"bad one"}}')
    end
    return scripted.json(200, ('{"totalInserted":%d,"totalUpdated":0,"errorCount":0}')
      :format(#list))
  end, options)
  return client, asked, requests
end

describe("import", function()
  after_each(files.clean)

  for _, provider in ipairs { "sendcloud", "engagelab" } do
    it("takes the list of the examples into " .. provider, function()
      local client, box = boxed { provider = provider }
      local rejects = files.path ".csv"
      local report = assert(client.members:import("examples/contacts.csv", {
        rejects = rejects, add_tags = { "import" },
      }))
      assert.are.same({ 2000, 1980, 8, 12, 0 }, counts(report))
      assert.are.equal(1988, report.sent)
      assert.are.equal(8, report.folded)
      assert.are.equal(2, report.requests)
      assert.are.equal(2, report.batches)
      assert.is_true(report.complete)

      local reasons, lines = {}, {}
      for line in files.read(rejects):gmatch("[^\n]*\n") do
        local number, reason = line:match("^(%d+),[^,]*,([^,]*),")
        if number then
          lines[#lines + 1] = tonumber(number)
          reasons[reason] = (reasons[reason] or 0) + 1
        end
      end
      assert.are.same({
        ["no address"] = 4, ["the address has no @"] = 4,
        ["Name: bytes that are not UTF-8"] = 4,
      }, reasons)
      assert.are.same({ 86, 207, 561, 707, 944, 954, 986, 1104, 1174, 1260, 1549, 1697 }, lines)

      local all = members_of(client)
      assert.are.equal(1980, count(all))
      local member = all["user0018_a@cn.example.org"]
      assert.are.equal("Kuala Lumpur", member.fields.City)
      assert.are.equal("line one\nline two", member.fields["备注"])
      assert.are.same({ "vip", "import" }, member.tag_names)
      assert.is_not_nil(all["user0330.news@example.com"])
      box:stop()
    end)
  end

  it("lets the last row of an address win, across batches too", function()
    local text = { "email,name" }
    for round = 1, 3 do
      for i = 1, 50 do text[#text + 1] = ("U%d@x.org,round %d"):format(i, round) end
    end
    local client = boxed()
    local report = assert(client.members:import(files.write(table.concat(text, "\n")), {
      batch = 20, concurrency = 8,
    }))
    assert.are.equal(150, report.rows)
    assert.are.equal(50, report.inserted)
    assert.are.equal(100, report.updated)
    for _, member in pairs(members_of(client)) do
      assert.are.equal("round 3", member.name)
    end
  end)

  describe("reads", function()
    local function import(source, options)
      local client = boxed()
      local report = assert(client.members:import(source, options))
      return members_of(client), report
    end

    it("Chinese headers, whatever stands between the cells", function()
      local all = import(files.write("\239\187\191邮箱;手机号码;姓名;标签;城市\r\n"
        .. "a@x.org;139;李磊;vip;北京\r\nb@x.org;;;;"))
      assert.are.equal("李磊", all["a@x.org"].name)
      assert.are.equal("139", all["a@x.org"].phone)
      assert.are.equal("北京", all["a@x.org"].fields["城市"])
      assert.are.same({ "vip" }, all["a@x.org"].tag_names)
      assert.is_not_nil(all["b@x.org"])
    end)

    it("TSV by its name", function()
      local all = import(files.write("Note\tE-Mail\n1,2\ta@x.org\n", ".tsv"))
      assert.are.equal("1,2", all["a@x.org"].fields.Note)
    end)

    it("JSONL, found by its first byte", function()
      local all, report = import(files.write(
        '{"email":" a@x.org","name":"A","fields":{"Age":12,"x":null},"tags":["t;1","u"],"City":"R"}\n'
        .. '\n{"Mail":"b@x.org","phone":139,"tags":"v; w","id":"1","create_time":"2026"}\n'
        .. '{"email":"c@x.org","tag_names":["z"]}\nnot json\n[1]\n{"name":"nobody"}\n'),
        { rejects = files.path() })
      assert.are.same({ 6, 3, 0, 3, 0 }, counts(report))
      assert.are.same({ Age = "12", City = "R" }, all["a@x.org"].fields)
      assert.are.same({ "t;1", "u" }, all["a@x.org"].tag_names)
      assert.are.equal("139", all["b@x.org"].phone)
      assert.are.same({}, all["b@x.org"].fields)
      assert.are.same({ "v", "w" }, all["b@x.org"].tag_names)
      assert.are.same({ "z" }, all["c@x.org"].tag_names)
    end)

    it("arrays, and leaves their tables alone", function()
      local member = { email = "a@x.org", tags = { "own" }, fields = { Age = 12.0 } }
      local all, report = import({ member, { email = "no" }, 7, { email = "b@x.org", agee = 1 } },
        { add_tags = { "more", "own" } })
      assert.are.same({ 4, 1, 0, 3, 0 }, counts(report))
      assert.are.same({ "own", "more" }, all["a@x.org"].tag_names)
      assert.are.equal("12", all["a@x.org"].fields.Age)
      assert.are.same({ email = "a@x.org", tags = { "own" }, fields = { Age = 12.0 } }, member)
    end)

    it("iterators, that may use the client themselves", function()
      local client = boxed()
      assert(client.members:import(coroutine.wrap(function()
        for i = 1, 30 do coroutine.yield { email = ("u%d@x.org"):format(i) } end
      end), { batch = 10 }))
      local each = client.members:each { page_size = 3 }
      local report = assert(client.members:import(function()
        local member = each()
        return member and { email = member.email, name = "again" }
      end, { batch = 7 }))
      assert.are.same({ 30, 0, 30, 0, 0 }, counts(report))
    end)

    it("an open file, from where it stands", function()
      local file = assert(io.open(files.write("a comment\nemail\na@x.org\n"), "rb"))
      file:read("*l")
      local all = import(file)
      assert.is_not_nil(all["a@x.org"])
      assert.are.equal("file", io.type(file))
      file:close()
    end)

    it("what `map` says", function()
      local all = import(files.write("Who,Mail 2,a,b,Email\nA,x@x.org,1,2,y@x.org\n"), {
        map = { ["mail 2"] = "email", Who = "name", a = "fields.Age", [4] = false, Email = "tags" },
      })
      assert.are.same({ Age = "1" }, all["x@x.org"].fields)
      assert.are.equal("A", all["x@x.org"].name)
      assert.are.same({ "y@x.org" }, all["x@x.org"].tag_names)
    end)

    it("no more than the limit", function()
      local _, report = import(files.write("email\na@x\nb@x\nc@x.org\n"), { limit = 2 })
      assert.are.equal(2, report.rows)
      local _, of_array = import({ { email = "a@x.org" }, { email = "b@x.org" } }, { limit = 1 })
      assert.are.equal(1, of_array.rows)
    end)

    it("nothing from an empty list", function()
      local _, report = import(files.write "email\n")
      assert.are.same({ 0, 0, 0, 0, 0 }, counts(report))
      assert.are.equal(0, report.requests)
      assert.is_true(report.complete)
      assert.are.equal(0, select(2, import {}).rows)
    end)
  end)

  describe("with a transform", function()
    it("sends what it returns and leaves out what it does not", function()
      local client = boxed()
      local lines = {}
      local report = assert(client.members:import(
        files.write 'email,name,Age\n"a@x.org",Ann,7\n"b@x.org","B\n",8\nnope,C,9\nd@x.org,D,\n', {
          rejects = files.path(),
          transform = function(member, line)
            lines[#lines + 1] = line
            if member.name == "Ann" then return nil end
            member.fields.Age = member.fields.Age and member.fields.Age + 1
            return member
          end,
        }))
      assert.are.same({ 2, 3, 5, 6 }, lines)
      assert.are.same({ 3, 2, 0, 1, 0 }, counts(report))
      local all = members_of(client)
      assert.are.equal("9", all["b@x.org"].fields.Age)
      assert.is_nil(all["a@x.org"])
    end)

    it("passes on what it raises", function()
      local client = boxed()
      local ok, raised = pcall(client.members.import, client.members, { { email = "a@x.org" } })
      assert.is_true(ok, raised)
      ok, raised = pcall(client.members.import, client.members, files.write "email\na@x.org\n", {
        transform = function() error("mine", 0) end,
      })
      assert.is_false(ok)
      assert.are.equal("mine", raised)
    end)
  end)

  describe("the file of refused rows", function()
    it("can be mended and imported again", function()
      local client = boxed()
      local rejects = files.path ".csv"
      local text = 'Email;Name;Note\r\nbad;"A ""x""";1\r\nb@x.org;B;2\r\n;C;"3\r\n4"\r\n'
      assert(client.members:import(files.write(text), { rejects = rejects }))
      assert.are.equal("line;address;reason;Email;Name;Note\r\n"
        .. '2;bad;the address has no @;bad;"A ""x""";1\r\n'
        .. '4;;no address;;C;"3\r\n4"\r\n', files.read(rejects))
      local mended = files.read(rejects):gsub(";bad;\"A", ";good@x.org;\"A")
        :gsub("address;;C", "address;c@x.org;C")
      local again = files.path ".csv"
      local report = assert(client.members:import(files.write(mended), { rejects = again }))
      assert.are.same({ 2, 2, 0, 0, 0 }, counts(report))
      local all = members_of(client)
      assert.are.same({ Note = "1" }, all["good@x.org"].fields)
      assert.are.same({ Note = "3\r\n4" }, all["c@x.org"].fields)
      assert.are.equal('A "x"', all["good@x.org"].name)
    end)

    it("holds tables and JSONL as JSONL, which goes in again too", function()
      local client = boxed()
      local rejects = files.path()
      assert(client.members:import({ { email = "bad", name = "N" }, { email = "b@x.org" } },
        { rejects = rejects }))
      local line = cjson.decode(files.read(rejects))
      assert.are.same({ line = 1, address = "bad", reason = "the address has no @",
        row = { email = "bad", name = "N" } }, line)
      local mended = files.read(rejects):gsub('"email":"bad"', '"email":"good@x.org"')
      local report = assert(client.members:import(files.write(mended)))
      assert.are.same({ 1, 1, 0, 0, 0 }, counts(report))
    end)

    it("names what the service says of a row", function()
      local client = boxed(nil, { seed = 1, address_rules = "rules" })
      local rejects = files.path()
      local report = assert(client.members:import(files.write "email,n\na@x.org,1\na@b,2\n",
        { rejects = rejects }))
      assert.are.same({ 2, 1, 0, 1, 0 }, counts(report))
      assert.truthy(files.read(rejects):find("3,a@b,[^,]+,a@b,2\n"))
    end)
  end)

  describe("of rows that the service refuses whole", function()
    local function poisoned(size, bad, options)
      local text, wanted = { "email" }, {}
      for _, index in ipairs(bad) do wanted["u" .. index .. "@x.org"] = true end
      for i = 1, size do text[#text + 1] = ("u%d@x.org"):format(i) end
      local client, asked = choosy(function(email) return wanted[email] end)
      local rejects = files.path()
      options = options or {}
      options.rejects = rejects
      local report, err = client.members:import(files.write(table.concat(text, "\n")), options)
      local found = {}
      for email in files.read(rejects):gmatch("\n%d+,([^,]*),bad one,") do
        found[#found + 1] = email
      end
      return report, found, asked, err
    end

    it("finds the bad ones with few requests more", function()
      for _, k in ipairs { 0, 1, 2, 3, 7, 20 } do
        local bad = {}
        for i = 1, k do bad[i] = (i * 389 + k) % 1000 + 1 end
        local report, found, asked = poisoned(1000, bad)
        assert.are.same({ 1000, 1000 - k, 0, k, 0 }, counts(report))
        assert.are.equal(k, #found)
        local most = 2 * k * math.log(1000) / math.log(2) + 1
        assert.is_true(#asked - 1 <= most, ("k=%d: %d"):format(k, #asked - 1))
        assert.are.equal(#asked, report.requests)
      end
    end)

    it("stops when it is not the rows", function()
      local all = {}
      for i = 1, 200 do all[i] = i end
      local report, found, asked, err = poisoned(200, all)
      assert.is_nil(report)
      assert.are.equal("rejected", err.kind)
      assert.is_false(err.report.complete)
      assert.is_true(#asked < 100)
      assert.is_true(#found <= 32)
    end)

    it("splits what is too large", function()
      local text = { "email" }
      for i = 1, 8 do text[#text + 1] = ("u%d@x.org"):format(i) end
      local client = scripted.client(function(request)
        local n = #cjson.decode(tostring(request.body)).members
        if n > 2 then return { status = 413, body = "" } end
        return scripted.json(200, ('{"totalInserted":%d}'):format(n))
      end)
      local report = assert(client.members:import(files.write(table.concat(text, "\n"))))
      assert.are.same({ 8, 8, 0, 0, 0 }, counts(report))
      assert.are.equal(7, report.requests)
    end)
  end)

  describe("of what may have happened", function()
    it("tries again, and counts it", function()
      local client, box = boxed()
      box:fault { operation = "members.upsert", nth = 1, status = 503 }
      box:fault { operation = "members.upsert", nth = 2, reset = "after" }
      local report = assert(client.members:import(files.write "email\na@x.org\n"))
      assert.are.equal(3, report.requests)
      assert.are.equal(2, report.retries)
      assert.are.equal(1, report.rows)
      assert.are.equal(0, report.rejected + report.unknown)
    end)

    it("never calls a row refused for a fault of the service", function()
      local client, box = boxed { retry = false }
      box:fault { operation = "members.upsert", nth = 1, status = 500 }
      local rejects = files.path()
      local report = assert(client.members:import(
        files.write "email\na@x.org\nA@x.org\nb@x.org\n", { batch = 2, rejects = rejects }))
      assert.are.same({ 3, 1, 0, 0, 2 }, counts(report))
      assert.are.equal("line,address,reason,email\n", files.read(rejects))
    end)

    it("stops when the service is away", function()
      local client, box = boxed { retry = false }
      box:fault { operation = "members.upsert", status = 500 }
      local text = { "email" }
      for i = 1, 100 do text[#text + 1] = ("u%d@x.org"):format(i) end
      local report, err = client.members:import(files.write(table.concat(text, "\n")),
        { batch = 10, concurrency = 1 })
      assert.is_nil(report)
      assert.are.equal("server", err.kind)
      assert.are.equal(30, err.report.unknown)
      assert.is_false(err.report.complete)
    end)

    it("stops where nothing can be sent", function()
      for _, fault in ipairs {
        { status = 401 }, { status = 403 }, { status = 404 }, { reset = "connect" },
      } do
        local client, box = boxed { retry = false }
        fault.operation = "members.upsert"
        box:fault(fault)
        local report, err = client.members:import(files.write "email\na@x.org\n")
        assert.is_nil(report)
        assert.is_table(err.report)
        assert.are.equal(0, err.report.rejected)
      end
    end)

    it("sees an error under 200, and an answer that is none", function()
      for _, body in ipairs {
        '{"status":401,"error":{"parameter":"","message":"Unauthorized"}}', "<html>", "{}", "",
      } do
        local client = scripted.client({ { status = 200, body = body } }, { retry = false })
        local report, err = client.members:import(files.write "email\na@x.org\n")
        if body:find("Unauthorized") then
          assert.is_nil(report)
          assert.are.equal("auth", err.kind)
        else
          assert.are.same({ 1, 0, 0, 0, 1 }, counts(report))
        end
      end
    end)
  end)

  it("sends nothing in a dry run", function()
    local client, box = boxed()
    local report = assert(client.members:import("examples/contacts.csv", { dry_run = true }))
    assert.are.same({ 2000, 0, 0, 12, 0 }, counts(report))
    assert.are.equal(1988, report.sent)
    assert.are.equal(2, report.requests)
    assert.is_true(report.bytes > 100000)
    assert.are.equal(0, #box:requests())
  end)

  it("tells how far it came", function()
    local client = boxed()
    local told = {}
    local report = assert(client.members:import("examples/contacts.csv", {
      batch = 100, on_progress = function(p) told[#told + 1] = p end,
    }))
    assert.is_true(#told >= 1 and #told <= report.seconds * 10 + 1)
    for _, p in ipairs(told) do
      assert.are.equal(#files.read("examples/contacts.csv"), p.total_bytes)
      assert.is_true(p.done_bytes > 0 and p.done_bytes <= p.total_bytes)
      assert.is_true(p.rate > 0)
      assert.is_number(p.waiting)
    end
    local last = told[#told]
    assert.are.same({ 2000, last.total_bytes, 0 }, { last.rows, last.done_bytes, last.waiting })
  end)

  it("keeps several requests on their way, in the order of the file", function()
    local client, box = boxed({ concurrency = 4 })
    box:fault { operation = "members.upsert", delay = 1 }
    local text = { "email" }
    for i = 1, 160 do text[#text + 1] = ("u%d@x.org"):format(i) end
    local before = box:time()
    assert(client.members:import(files.write(table.concat(text, "\n")), { batch = 10 }))
    assert.are.equal(4, math.floor(box:time() - before + 0.5))
  end)

  describe("says what is wrong with", function()
    local function refusal(source, options, kind)
      local client = boxed()
      local report, err = client.members:import(source, options)
      assert.is_nil(report)
      assert.are.equal(kind or "invalid", err.kind)
      return err
    end

    it("a source", function()
      assert.truthy(refusal("/no/such/file.csv").message:find("/no/such/file.csv", 1, true))
      refusal("/tmp")
      assert.truthy(refusal(files.write "\255\254e\0m\0").message:find("UTF-16", 1, true))
      assert.truthy(refusal(files.write "PK\3\4....").message:find("workbook", 1, true))
      refusal(files.write "")
      refusal(files.write "name,phone\nA,1\n")
      assert.truthy(refusal(files.write "n\255me,email\n").message:find("UTF-8", 1, true))
      -- what can only be a slip of the program's is raised, at the caller's line
      local file = files.write "email\na@x.org\n"
      for _, given in ipairs { { 12 }, { file, { transform = "x" } }, { file, { on_progress = 5 } } } do
        local ok, raised = pcall(function() boxed().members:import(given[1], given[2]) end)
        assert.is_false(ok)
        assert.truthy(raised:find("import_spec.lua:", 1, true), raised)
      end
    end)

    it("options", function()
      local file = files.write "email,mail,x\na@x.org\n"
      for _, options in ipairs {
        { tag_mode = "add" }, { batch = 0 }, { batch = 1001 }, { concurrency = 0 }, { limit = -1 },
        { format = "xlsx" }, { map = { x = "emial" } },
        { map = { nothing = "email" } }, { map = { email = "email", mail = "email" } },
        { map = { email = false, mail = false } }, { batchs = 7 }, { update_existing = 3 },
        { add_tags = { "" } }, { add_tags = { ("t"):rep(65) } }, { rejects = "/no/such/dir/x" },
        { checkpoint = "/no/such/dir/x" },
      } do
        refusal(file, options)
      end
      assert.truthy(refusal(file, { batchs = 7 }).message:find('"batch"', 1, true))
      assert.are.equal("add_tags[1]", refusal(file, { add_tags = { "" } }).parameter)
    end)

    it("a file that would be written over", function()
      local text = "email\na@x.org\n"
      local file, other = files.write(text), files.path()
      assert.are.equal("rejects", refusal(file, { rejects = file }).parameter)
      assert.are.equal(text, files.read(file))
      assert.are.equal("rejects",
        refusal(file, { rejects = other, checkpoint = other }).parameter)
    end)

    it("a client that is closed", function()
      local client = boxed()
      client:close()
      local report, err = client.members:import({})
      assert.is_nil(report)
      assert.are.equal("closed", err.kind)
    end)
  end)
end)
