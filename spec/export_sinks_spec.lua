-- lua/sendcloud/spool.lua and export.lua: where an export goes, and where it refuses to.

local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"
local where = require("sendcloud").where

local function boxed(options)
  local box = assert(sandbox.start { seed = 42 })
  local all = { transport = "sandbox" }
  for name, value in pairs(options or {}) do all[name] = value end
  local client = assert(box:client(all))
  assert(client.members:upsert { { email = "a@x.org" }, { email = "b@x.org" } })
  return client, box
end

local TEXT = "email\nb@x.org\na@x.org\n"
local COLUMNS = { "email" }

-- Nothing is asked of the service for an export that cannot be written.
local function refusal(sink, options)
  local client, box = boxed()
  box:reset()
  local report, err = client.members:export(sink, options)
  assert.is_nil(report)
  assert.equal("invalid", err.kind)
  assert.truthy(err.operation:find("^%l+%.%l+$"))
  assert.equal(0, #box:requests())
  assert.same({ 0, false }, { err.report.rows, err.report.complete })
  return err
end

local function capture(command)
  local pipe = assert(io.popen("unset LD_PRELOAD; " .. command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

describe("an export", function()
  after_each(files.clean)

  it("asks for nothing where it cannot write", function()
    for _, sink in ipairs { "/tmp", "/tmp/", "", "/no/such/dir/x.csv", files.path() .. "\0.csv" } do
      assert.equal("sink", refusal(sink).parameter)
    end
    local file = assert(io.open(files.write ""))
    file:close()
    assert.truthy(refusal(file).message:find("closed", 1, true))
    assert.equal("where", refusal(files.path(), { tag = "1", where = where.Age:ge(1) }).parameter)
  end)

  it("does not write its checkpoint over its file", function()
    local path = files.path ".csv"
    for _, checkpoint in ipairs { path, (path:gsub("^(.*/)", "%1./")), path .. ".part", "" } do
      assert.equal("checkpoint", refusal(path, { checkpoint = checkpoint }).parameter)
    end
    assert.is_nil(files.read(path))
    assert.is_nil(files.read(path .. ".part"))
    local fifo = files.path()
    os.execute("unset LD_PRELOAD; mkfifo " .. fifo)
    assert.equal("checkpoint", refusal(fifo, { checkpoint = files.path() }).parameter)
  end)

  it("writes what a link leads to, and leaves the link", function()
    local client = boxed()
    local target, link = files.write("old", ".jsonl"), files.path ".csv"
    local between = files.path()
    assert.equal("", capture(("ln -s %s %s && ln -s %s %s"):format(target:match("[^/]+$"), between,
      between, link)))
    assert(client.members:export(link, { columns = COLUMNS }))
    assert.equal(TEXT, files.read(target)) -- CSV: the name that was given says so
    assert.equal("symbolic link\nsymbolic link\nregular file\n",
      capture(("stat -c %%F %s %s %s"):format(link, between, target)))
    os.remove(target)
    assert(client.members:export(link, { columns = COLUMNS, checkpoint = files.path() }))
    assert.equal(TEXT, files.read(target))
    os.remove(between)
    assert.equal("", capture(("ln -s %s %s"):format(link, between)))
    assert.equal("sink", refusal(link).parameter) -- a ring
  end)

  it("does not write where another left a link in place of its unfinished file", function()
    local path, precious = files.path ".csv", files.write "precious"
    assert.equal("", capture(("ln -s %s %s.part"):format(precious, path)))
    assert(boxed().members:export(path, { columns = COLUMNS }))
    assert.equal("precious", files.read(precious))
    assert.equal(TEXT, files.read(path))
    assert.equal("regular file\n", capture("stat -c %F " .. path))
  end)

  it("leaves nothing half done when it is interrupted", function()
    local client, path = boxed(), files.write("old", ".csv")
    local seen = false
    local function interrupt()
      seen = files.read(path .. ".part") ~= nil
      if not seen then return end
      debug.sethook()
      error("interrupted!", 0)
    end
    if rawget(_G, "jit") then require("jit").off() end
    debug.sethook(interrupt, "", 10)
    local ok, raised = pcall(client.members.export, client.members, path)
    debug.sethook()
    if rawget(_G, "jit") then require("jit").on() end
    assert.is_true(seen)
    assert.same({ false, "interrupted!" }, { ok, raised })
    assert.is_nil(files.read(path .. ".part"))
    assert.equal("old", files.read(path))
    assert(client.members:export(path, { columns = COLUMNS }))
    assert.equal(TEXT, files.read(path))
  end)

  it("goes one request at a time, in tasks and outside, and ends with what is raised", function()
    local client, path = boxed(), files.path ".csv"
    local function export()
      return client.members:export(path, { columns = COLUMNS, concurrency = 1 })
    end
    assert.equal(2, assert(export()).rows)
    assert.equal(TEXT, files.read(path))
    os.remove(path)
    local reports = client:parallel { export }
    assert.equal(2, reports[1].rows)
    assert.equal(TEXT, files.read(path))
    for _, concurrency in ipairs { 1, 3 } do
      os.remove(path)
      local function raising()
        return client.members:export(path, { concurrency = concurrency,
          on_progress = function() error("no more", 0) end })
      end
      assert.has_error(raising, "no more")
      local _, problems = client:parallel { raising }
      assert.equal("no more", problems[1])
      assert.same({}, { files.read(path), files.read(path .. ".part") })
    end
  end)

  -- Not with a device: this spec must not be what breaks a machine.
  it("writes into a pipe, and leaves it what it is", function()
    local client = boxed()
    local fifo, out = files.path(), files.path()
    os.execute(("unset LD_PRELOAD; mkfifo %s; cat %s >%s &"):format(fifo, fifo, out))
    assert(client.members:export(fifo, { columns = COLUMNS }))
    assert.equal("fifo\n", capture("stat -c %F " .. fifo))
    for _ = 1, 100 do
      if files.read(out) == TEXT then break end
      os.execute "unset LD_PRELOAD; sleep 0.01"
    end
    assert.equal(TEXT, files.read(out))
  end)

  it("notices that a full disk took nothing", function()
    local client = boxed()
    local full = assert(io.open("/dev/full", "w"))
    local report, err = client.members:export(full, { columns = COLUMNS })
    assert.is_nil(report)
    assert.equal("sink", err.parameter)
    assert.is_false(err.report.complete)
    pcall(full.close, full)
  end)

  it("ends with what a function says of its failure, or raises", function()
    local client = boxed()
    local report, err = client.members:export(function() return nil, "the tape is full" end)
    assert.is_nil(report)
    assert.truthy(err.message:find("the tape is full", 1, true))
    assert.has_error(function()
      client.members:export(function() error("no", 0) end)
    end, "no")
    local parts = {}
    assert(client.members:export(function(piece) parts[#parts + 1] = piece end,
      { columns = COLUMNS }))
    assert.equal(TEXT, table.concat(parts))
  end)

  it("keeps a private file private", function()
    local path = files.write("old", ".csv")
    os.execute("unset LD_PRELOAD; chmod 600 " .. path)
    assert(boxed().members:export(path))
    assert.equal("600\n", capture("stat -c %a " .. path))
  end)
end)
