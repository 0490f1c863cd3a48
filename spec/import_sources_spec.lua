-- lua/sendcloud/source.lua, place.lua and what an import refuses to start with.

local files = require "spec.support.files"
local place = require "sendcloud.place"
local sandbox = require "sendcloud.sandbox"

local function boxed(options)
  local box = assert(sandbox.start { seed = 42 })
  local all = { transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(box:client(all)), box
end

local function list_of(client)
  local found = {}
  for member in client.members:each {} do found[#found + 1] = member end
  table.sort(found, function(a, b) return a.email < b.email end)
  return found
end

local function refusal(source, options)
  local client, box = boxed()
  local report, err = client.members:import(source, options)
  assert.is_nil(report)
  assert.same({ "invalid", "members.upsert", "not_sent" },
    { err.kind, err.operation, err.outcome })
  assert.equal(0, #box:requests())
  assert.same({ 0, false }, { err.report.rows, err.report.complete })
  return err
end

describe("an import", function()
  after_each(files.clean)

  it("shows tables and iterators to a transform", function()
    local client = boxed()
    local lines = {}
    local rejects = files.path ".jsonl"
    local function change(member, line)
      lines[#lines + 1] = line
      if member.name == "drop" then return nil end
      return { email = member.email, name = member.name .. " of line " .. line }
    end
    local members = { { email = "a@x.org", name = "A" }, { email = "b@x.org", name = "drop" },
      { email = "nobody", name = "C" }, { email = "d@x.org", name = "D" } }
    local options = { transform = change, rejects = rejects, batch = 2, add_tags = { "t" } }
    local report = assert(client.members:import(members, options))
    assert.same({ 3, 2, 1 }, { report.rows, report.inserted, report.rejected })
    assert.same({ 1, 2, 3, 4 }, lines)
    local found = list_of(client)
    assert.equal("A of line 1", found[1].name)
    assert.equal("D of line 4", found[2].name)
    assert.same({ "t" }, found[2].tag_names)
    assert.equal("A", members[1].name)
    assert.truthy(files.read(rejects):find('^{"line":3,"address":"nobody"'))
    assert.truthy(files.read(rejects):find('"name":"C"', 1, true)) -- as it was given

    local at = 0
    report = assert(client.members:import(function()
      at = at + 1
      return at <= 2500 and { email = at .. "@y.org", name = at % 2 == 0 and "drop" or "n" } or nil
    end, { transform = change, limit = 2001 }))
    assert.equal(1001, report.inserted)
    assert.equal(2001, at)
  end)

  it("takes what another account's iterators and pages give", function()
    local from, to = boxed { provider = "engagelab" }, boxed()
    assert(from.members:upsert {
      { email = "a@x.org", name = "A", fields = { Age = 3 }, tags = { "one", "two" } },
      { email = "b@x.org" },
    })
    local wanted = { "A", "3", "one", "two" }
    for _, source in ipairs { (from.members:each {}), assert(from.members:list {}) } do
      local report = assert(to.members:import(source, { tag_mode = "replace" }))
      assert.same({ 2, 0 }, { report.rows, report.rejected })
      local first = list_of(to)[1]
      table.sort(first.tag_names)
      assert.same(wanted, { first.name, first.fields.Age, first.tag_names[1], first.tag_names[2] })
    end
  end)

  it("says what is wrong with a source before anything is sent", function()
    assert.truthy(refusal({ email = "a@x.org" }).message:find("array", 1, true))
    assert.truthy(refusal({ { email = "a@x.org" }, nil, { email = "b@x.org" } }).message
      :find("holes", 1, true))
    refusal ""
    refusal(files.write("email\na@x.org\n") .. "\0.csv")
    local file = assert(io.open(files.write "email\na@x.org\n"))
    file:close()
    assert.truthy(refusal(file).message:find("closed", 1, true))
    refusal(files.write "email,X\na@x.org,1\n", { map = { X = "fields.\255" } })
  end)

  it("says what a file is that it does not read", function()
    assert.truthy(refusal(files.write '[\n{"email":"a@x.org"}\n]\n').message
      :find("JSONL", 1, true))
    assert.truthy(refusal(files.write "\31\139\8\0").message:find("compressed", 1, true))
    local err = refusal(files.write "secret@x.org,A\nb@x.org,B\n")
    assert.truthy(err.message:find("header", 1, true))
    assert.falsy(tostring(err):find("secret", 1, true))
    assert.equal("map", refusal({ { email = "a@x.org" } }, { map = { a = "name" } }).parameter)
  end)

  it("keeps every digit of a number in JSONL", function()
    local client = boxed()
    local rejects = files.path()
    local report = assert(client.members:import(files.write(
      '{"email":"a@x.org","id card":110101199003074514,"n":12345678901234567890,"f":0.1,"w":12.0}\n'
      .. '{"email":"b@x.org","fields":5}\n{"email":"c@x.org","fields":null}\n'), {
      rejects = rejects,
    }))
    assert.same({ 3, 2, 1 }, { report.rows, report.inserted, report.rejected })
    assert.same({ ["id card"] = "110101199003074514", n = "12345678901234567890", f = "0.1", w = "12" },
      list_of(client)[1].fields)
    assert.truthy(files.read(rejects):find("fields: must be", 1, true))
  end)

  it("ends when its file is closed meanwhile", function()
    local client = boxed()
    local text = { "email" }
    for i = 1, 20000 do text[#text + 1] = ("u%d@x.org"):format(i) end
    local file = assert(io.open(files.write(table.concat(text, "\n"))))
    local report, err = client.members:import(file, { transform = function(member, line)
      if line == 3000 then file:close() end
      return member
    end })
    assert.is_nil(report)
    assert.equal("source", err.parameter)
    assert.is_true(err.report.rows > 0 and not err.report.complete)
  end)

  it("writes over no file under another name", function()
    local text = "email\na@x.org\nnobody\n"
    local path = files.write(text)
    local alias = path:gsub("^(.*/)", "%1./")
    local link = files.path()
    os.execute(("unset LD_PRELOAD; ln -s %s %s"):format(path, link))
    for _, rejects in ipairs { alias, link } do
      assert.equal("rejects", refusal(path, { rejects = rejects }).parameter)
      local file = assert(io.open(path))
      assert.equal("rejects", refusal(file, { rejects = rejects }).parameter)
      file:close()
    end
    assert.equal(text, files.read(path))
    local new = files.path()
    assert.equal("rejects", refusal(path,
      { rejects = new, checkpoint = (new:gsub("^(.*/)", "%1./")) }).parameter)
  end)

  it("knows before it sends that its checkpoint cannot be written", function()
    local path = files.write "email\na@x.org\n"
    assert.equal("checkpoint", refusal(path, { checkpoint = "/no/such/dir/x" }).parameter)
    -- One that was made for nothing does not stand in the way of another run.
    local checkpoint = files.path()
    refusal(path, { checkpoint = checkpoint, rejects = "/no/such/dir/x" })
    assert.truthy(files.read(checkpoint))
    assert.is_true(assert(boxed().members:import(path, { checkpoint = checkpoint })).complete)
  end)

  it("fills requests with the rows that a transform leaves", function()
    local client, box = boxed()
    local text = { "email" }
    for i = 1, 2000 do text[i + 1] = ("u%d@x.org"):format(i) end
    local lines = {}
    local report = assert(client.members:import(files.write(table.concat(text, "\n")), {
      transform = function(member, line)
        lines[#lines + 1] = line
        return line % 2 == 0 and member or nil
      end,
    }))
    assert.are.same({ 1000, 1000, 1 }, { report.rows, report.inserted, report.requests })
    assert.are.same({ 2000, 2, 2001 }, { #lines, lines[1], lines[2000] })
    assert.equal(1, #box:requests())
  end)

  it("counts rows with more cells than the header has columns", function()
    local client = boxed()
    local report = assert(client.members:import(files.write(
      "email,name\na@x.org,Smith, John\nb@x.org,Ann,,\nc@x.org\nd@x.org,D,,x\n")))
    assert.are.same({ 4, 4, 2 }, { report.rows, report.inserted, report.ragged })
    report = assert(client.members:import(files.write "email\na@x.org,2\n",
      { transform = function(member) return member end }))
    assert.equal(1, report.ragged)
    assert.equal(0, assert(client.members:import { { email = "a@x.org" } }).ragged)
  end)

  it("takes off what keeps a spreadsheet from running cells", function()
    local client, other = boxed(), boxed()
    local given = { email = "a@x.org", name = "=1+1", phone = "+86",
      fields = { a = "-1", b = "@x", c = '=HYPERLINK("x")', d = "x=1", e = "'s", f = "'",
        g = "'=1", h = "''+1", i = "''", j = "'\t", k = "''a" } }
    assert(client.members:upsert { given })
    local path, rejects = files.path ".csv", files.path ".csv"
    assert(client.members:export(path, { spreadsheet = true }))
    assert(other.members:import(path))
    local member
    for found in other.members:each() do member = found end
    for _, name in ipairs { "email", "name", "phone" } do
      assert.equal(given[name], member[name])
    end
    assert.are.same(given.fields, member.fields)
    -- A text that no spreadsheet wrote is taken as it stands; refused rows keep what they had.
    assert(other.members:import(files.write "email,name\na@x.org,'=1\n"))
    assert.equal("'=1", assert(other.members:get(member.id)).name)
    assert(other.members:import(files.write "\239\187\191email,name\nbad,'=2\n",
      { rejects = rejects }))
    local text = files.read(rejects)
    assert.truthy(text:find("^\239\187\191line,") and text:find(",bad,'=2\n", 1, true))
    assert(other.members:import(files.write((text:gsub("bad,'", "a@x.org,'")))))
    assert.equal("=2", assert(other.members:get(member.id)).name)
  end)

  it("tells that all bytes are done in the end", function()
    local told
    assert(boxed().members:import(files.write "\239\187\191email\na@x.org\n", {
      on_progress = function(progress) told = progress end,
    }))
    assert.equal(told.total_bytes, told.done_bytes)
  end)
end)

describe("a place", function()
  after_each(files.clean)

  it("is the same under several names", function()
    local path, other = files.write "", files.path()
    local folder, name = other:match("^(.*)/([^/]*)$")
    assert.is_true(place.same(path, path))
    assert.is_true(place.same(other, folder .. "/./" .. name))
    assert.is_false(place.same(path, other))
    assert.is_false(place.same(other, "/no/such/dir/" .. name))
    assert.is_false(place.same(nil, path))
    assert.is_false(place.same(path, nil))
  end)

  it("is the path of a file", function()
    assert.is_nil(place.check "x")
    for _, wrong in ipairs { "", "a\0b", 7, false } do assert.is_string(place.check(wrong)) end
  end)
end)
