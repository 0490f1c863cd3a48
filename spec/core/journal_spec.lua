-- csrc/core/journal_*.c: what of a journal's file comes back, whatever was done to it.

local core = require "sendcloud.core"
local files = require "spec.support.files"
local native = require "spec.support.native"

local folder

local function path(name) return folder .. "/" .. name end

-- A file with entries, sealed; returns its bytes and where each entry ends.
local function journal(name, entries)
  local writer = assert(core.journal_writer(folder, name))
  local ends = { [0] = 16 }
  for index, bytes in ipairs(entries) do
    ends[index] = assert(writer:append(bytes, 1000 + index))
  end
  writer:close()
  return files.read(path(name)), ends
end

-- All whole entries of a file, with how many bytes belong to none.
local function read(name, offset)
  local reader, reason, word = core.journal_reader(path(name), offset or 0)
  if not reader then return nil, reason, word end
  reader:is_sealed()
  local found = {}
  for bytes in reader.next, reader do found[#found + 1] = bytes end
  local damaged = reader:damaged()
  reader:close()
  return found, damaged
end

local function put(name, bytes)
  local file = assert(io.open(path(name), "wb"))
  file:write(bytes)
  file:close()
end

local function entries(n)
  local list = {}
  for index = 1, n do
    list[index] = ('{"email":"reader%d@example.com","name":"%s"}'):format(index, ("n"):rep(index % 40))
  end
  return list
end

describe("a journal's file", function()
  before_each(function()
    folder = files.path()
    assert.is_true(core.make_folder(folder))
  end)
  after_each(function() native.sh("rm -rf " .. folder) end)

  it("gives back what was added, in order, with its moment", function()
    local list = entries(300)
    list[301] = ("x"):rep(1048576)
    list[302] = "\0\245en\n"
    local _, ends = journal("a", list)
    local reader = assert(core.journal_reader(path "a", 0))
    assert.is_true(reader:is_sealed())
    for index, expected in ipairs(list) do
      local bytes, stamp, stop = reader:next()
      assert.is_true(expected == bytes)
      assert.equal(1000 + index, stamp)
      assert.equal(ends[index], stop)
    end
    assert.is_nil((reader:next()))
    assert.equal(0, reader:damaged())
    reader:close()
    reader:close()
    assert.is_nil((reader:next()))
    assert.same({ list[300], list[301], list[302] }, (read("a", ends[299])))
  end)

  it("is its owner's alone, and never written over", function()
    journal("a", { "one" })
    assert.equal("600", io.popen("stat -c %a " .. path "a"):read "*l")
    assert.equal("700", io.popen("stat -c %a " .. folder):read "*l")
    local writer, reason = core.journal_writer(folder, "a")
    assert.is_nil(writer)
    assert.truthy(reason:find "exists")
    assert.same({ "one" }, (read "a"))
    local names = {}
    for name in pairs(core.folder(folder)) do names[#names + 1] = name end
    assert.same({ "a" }, names) -- nothing of the second attempt is left
  end)

  it("refuses entries of no bytes and of too many, and goes on", function()
    local writer = assert(core.journal_writer(folder, "a"))
    assert.is_nil((writer:append("", 1)))
    assert.is_nil((writer:append(("x"):rep(1048577), 1)))
    assert.equal(16 + 24 + 2, writer:append("ok", 1, true))
    assert.is_true(writer:sync())
    writer:close()
    assert.is_false(writer:is_open())
    local size, reason = writer:append("late", 1)
    assert.is_nil(size)
    assert.is_string(reason)
    assert.same({ "ok" }, (read "a"))
    assert.has_error(function() writer:append("x", 1.5) end)
    assert.has_error(function() core.journal_writer(folder, "../a") end)
    assert.is_nil((core.journal_writer(folder .. "/none", "a")))
    assert.is_nil((core.journal_writer(folder, ("n"):rep(254))))
  end)

  it("is read while it grows, and sealed when its writer is gone", function()
    local writer = assert(core.journal_writer(folder, "a"))
    local reader = assert(core.journal_reader(path "a", 0))
    assert.is_nil((reader:next()))
    writer:append("one", 1)
    assert.equal("one", reader:next())
    assert.is_nil((reader:next()))
    assert.is_false(reader:is_sealed())
    writer:append("two", 2)
    writer:append("three", 3)
    assert.equal("two", reader:next())
    writer:close()
    assert.is_true(reader:is_sealed())
    assert.equal("three", reader:next())
    assert.is_nil((reader:next()))
    reader:close()
  end)

  it("looks again at an end that was not whole while it is written", function()
    local bytes, ends = journal("a", { "one", "two", "three" })
    local lock = assert(core.file_lock(path "a")) -- as its writer would
    put("a", bytes:sub(1, ends[1] + 26))          -- in place: the lock stays
    local reader = assert(core.journal_reader(path "a", 0))
    assert.equal("one", reader:next())
    assert.is_nil((reader:next()))
    put("a", bytes:sub(1, ends[1]) .. bytes:sub(ends[2] + 1, ends[3]))
    assert.equal("three", reader:next()) -- cut off, and another one in its place
    put("a", bytes .. bytes:sub(ends[0] + 1, ends[1] - 1))
    assert.is_nil((reader:next()))
    assert.equal(0, reader:damaged())
    lock:close()
    assert.is_true(reader:is_sealed())
  end)

  it("that is empty, foreign or of a later version is refused as it stands", function()
    for name, bytes in pairs {
      empty = "", short = "\245scj", text = ("hello, world\n"):rep(1000), zeros = ("\0"):rep(50000),
      marks = ("\245en\n"):rep(20000),
      -- the header of version 2, with its checksum
      later = "\245scjrnl\n\2\0\0\0\82\93\133\75",
    } do
      put(name, bytes)
      local found, reason, word = read(name)
      assert.is_nil(found, name)
      assert.is_string(reason)
      assert.equal("foreign", word, name)
      assert.equal(bytes, files.read(path(name)))
    end
    assert.is_nil((core.journal_reader(path "none", 0)))
    assert.equal("foreign", select(3, core.journal_reader(folder, 0)))
    native.sh("mkfifo " .. path "pipe")
    assert.equal("foreign", select(3, core.journal_reader(path "pipe", 0)))
    journal("a", { "one" })
    assert.same({}, (read("a", 100000))) -- shorter than it was: there is nothing behind that
  end)

  it("cut anywhere in its last 4 KB gives every entry before the cut", function()
    local list = entries(60)
    local bytes, ends = journal("a", list)
    local whole = #list
    for size = #bytes, math.max(16, #bytes - 4096), -1 do
      while ends[whole] > size do whole = whole - 1 end
      put("b", bytes:sub(1, size))
      local found, damaged = read "b"
      if whole == 0 then
        assert.same({}, found or {})
      else
        assert.equal(whole, #found)
        assert.equal(list[whole], found[whole])
        assert.equal(size - ends[whole], damaged)
      end
    end
  end)

  it("with any bit of its last 4 KB turned gives every entry but the one hit", function()
    local list = entries(60)
    local bytes, ends = journal("a", list)
    local file = assert(io.open(path "a", "r+b"))
    file:setvbuf "no"
    local first = math.max(17, #bytes - 4095)
    local hit, wrong = 0, 0
    for place = first, #bytes do
      while hit == 0 or ends[hit] < place do hit = hit + 1 end
      local byte = bytes:byte(place)
      for bit = 0, 7 do
        local turned = byte % 2 ^ (bit + 1) >= 2 ^ bit and byte - 2 ^ bit or byte + 2 ^ bit
        file:seek("set", place - 1)
        file:write(string.char(turned))
        local found, damaged = read("a", ends[hit - 1])
        -- Those before the place it is read from are not touched.
        if #found ~= #list - hit or damaged ~= ends[hit] - ends[hit - 1]
          or found[1] ~= list[hit + 1] or found[#found] ~= (hit < #list and list[#list] or nil)
        then
          wrong = wrong + 1
        end
      end
      file:seek("set", place - 1)
      file:write(string.char(byte))
    end
    file:close()
    assert.equal(0, wrong)
  end)

  it("with a damaged header is still known by its entries", function()
    local bytes = journal("a", entries(5))
    put("b", ("\0"):rep(16) .. bytes:sub(17))
    local found, damaged = read "b"
    assert.same(entries(5), found)
    assert.equal(16, damaged)
  end)

  it("with rubbish, zeros or half an entry in its middle gives all that is whole", function()
    local list = entries(20)
    local bytes, ends = journal("a", list)
    for _, rubbish in ipairs { ("\0"):rep(4096), ("\245"):rep(700), bytes:sub(ends[3] + 1, ends[4] - 1),
      bytes:sub(ends[3] + 1, ends[3] + 24) }
    do
      put("b", bytes:sub(1, ends[9]) .. rubbish .. bytes:sub(ends[9] + 1))
      local found, damaged = read "b"
      assert.same(list, found)
      assert.equal(#rubbish, damaged)
    end
  end)
end)

-- Adds to journals until 60 entries were accepted, then reads everything back.
local CHILD = [[
  local core, folder, sync = require "sendcloud.core", arg[1], arg[2] == "sync"
  core.make_folder(folder)
  local accepted, files, writer, n, words = {}, 0, nil, 0, {}
  for attempt = 1, 2000 do
    if not writer then
      files = files + 1
      writer = core.journal_writer(folder, "j" .. files)
    end
    if writer then
      local bytes = ("%d "):format(attempt) .. ("x"):rep(attempt % 7 * 100)
      local size, reason, word = writer:append(bytes, attempt, sync)
      if size then
        accepted[bytes], n = true, n + 1
      else
        words[word or reason] = true
      end
      if not writer:is_open() then writer = nil end
    end
    if n == 60 then break end
  end
  if writer then writer:close() end
  local damaged, count = 0, 0
  for i = 1, files do
    local reader = core.journal_reader(folder .. "/j" .. i, 0)
    if reader then
      assert(reader:is_sealed())
      for bytes in reader.next, reader do
        if accepted[bytes] then count = count + 1 end
        accepted[bytes] = nil
      end
      damaged = damaged + reader:damaged()
    end
  end
  assert(n == 60 and count == 60 and next(accepted) == nil, n .. " accepted, " .. count .. " read")
  local list = {}
  for word in pairs(words) do list[#list + 1] = word end
  print(("fine, damaged: %d, told: %s"):format(damaged, table.concat(list, " ")))
]]

-- Takes a file and the lock, and forks a child that knows nothing of them and stays until it is told.
local PARENT = [[
  local core, native = require "sendcloud.core", require "spec.support.native"
  local folder = arg[1]
  local writer, lock = assert(core.journal_writer(folder, "a")), assert(core.file_lock(folder .. "/lock"))
  assert(writer:append("one", 1, true))
  local sealed = assert(core.journal_reader(folder .. "/sealed", 0))
  assert(sealed:is_sealed())
  native.fork(function()
    local file = assert(io.open(folder .. "/child", "w"))
    file:close()
    for _ = 1, 1000 do
      if io.open(folder .. "/go") then break end
      native.sh "sleep 0.01"
    end
    local _, reason = writer:append("child's", 2)
    file = assert(io.open(folder .. "/gone", "w"))
    file:write(tostring(reason))
    file:close()
    return true
  end)
]]

describe("a child of a fork", function()
  it("does not keep what its parent had locked", function()
    folder = files.path()
    assert.is_true(core.make_folder(folder))
    journal("sealed", { "one" })
    local lua = native.runtime()
    local script = files.write(PARENT, ".lua")
    -- What is preloaded is for programs that load our modules.
    os.execute(([[preload=$LD_PRELOAD; unset LD_PRELOAD
      LD_PRELOAD=$preload %s %s %s & pid=$!
      for i in $(seq 1000); do [ -e %s/child ] && break; sleep 0.01; done
      kill -9 $pid; wait $pid 2>/dev/null]]):format(lua, script, folder, folder))
    local reader = assert(core.journal_reader(path "a", 0))
    assert.is_true(reader:is_sealed())
    assert.equal("one", reader:next())
    reader:close()
    reader = assert(core.journal_reader(path "sealed", 0))
    assert.is_true(reader:is_sealed())
    reader:close()
    local lock = assert(core.file_lock(path "lock"))
    lock:close()
    put("go", "")
    native.sh(("for i in $(seq 1000); do [ -s %s/gone ] && break; sleep 0.01; done"):format(folder))
    assert.equal("Bad file descriptor", files.read(path "gone"))
    native.sh("rm -rf " .. folder)
    files.clean()
  end)
end)

describe("a sync by a thread", function()
  before_each(function()
    folder = files.path()
    assert.is_true(core.make_folder(folder))
  end)
  after_each(function() native.sh("rm -rf " .. folder) end)

  it("is done though nobody waits for it and the file is closed, which goes then", function()
    local thread, writer = assert(core.http_thread()), assert(core.journal_writer(folder, "a"))
    assert(writer:append("one", 1))
    assert.has_error(function() writer:sync_by(writer) end)
    local job = assert(writer:sync_by(thread))
    assert.truthy(job:id():find "^%d+\n$")
    writer:close()
    while not job:done() do end
    assert.is_true(job:result())
    assert.is_true(job:result())
    local reader = assert(core.journal_reader(path "a", 0))
    assert.is_true(reader:is_sealed())
    reader:close()
    assert.same({ nil, "Bad file descriptor" }, { writer:sync_by(thread) })
  end)

  it("is done by a pool's thread when that works on it", function()
    local pool, writer = assert(core.http_pool()), assert(core.journal_writer(folder, "b"))
    assert(writer:append("one", 1))
    local job = assert(writer:sync_by(pool))
    assert.is_false(job:done())
    assert.is_true(core.http_work(job:id()))
    assert.is_true(job:result())
    job = assert(writer:sync_by(pool))
    job:cancel() -- none has begun
    assert.is_nil((job:result()))
    writer:close()
  end)
end)

describe("a disk that fails", function()
  local lua, build = native.runtime()

  local function run(faults, sync)
    local script, target = files.write(CHILD, ".lua"), files.path()
    local preload = (os.getenv "LD_PRELOAD" or "") .. " " .. native.bad_disk()
    local pipe = io.popen(("env LUA_CPATH='%s/%s/?.so' %s 'LD_PRELOAD=%s' %s %s %s %s 2>&1"):format(build, lua,
      faults, preload, lua, script, target, sync or ""))
    local said = pipe:read "*a"
    pipe:close()
    native.sh("rm -rf " .. target)
    files.clean()
    return said
  end

  it("by being full leaves no half entry", function()
    local said = run "BAD_WRITE=3"
    assert.truthy(said:find("fine, damaged: 0, told: full", 1, true), said)
  end)

  it("and cannot even be cut leaves what was accepted whole", function()
    local said = run "BAD_WRITE=3 BAD_CUT=2"
    assert.truthy(said:find "fine, damaged: [1-9]", said)
  end)

  it("by not keeping what it took is not trusted again", function()
    local said = run("BAD_SYNC=4", "sync")
    assert.truthy(said:find("fine, damaged: 0, told: Input/output error", 1, true), said)
    said = run("BAD_SYNC=4 BAD_CUT=1 BAD_WRITE=5", "sync")
    assert.truthy(said:find("fine, damaged:", 1, true), said)
  end)
end)
