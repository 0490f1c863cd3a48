-- csrc/core/lua_file.c: identity of files, and writing that lasts.

local core = require "sendcloud.core"
local files = require "spec.support.files"

describe("files", function()
  after_each(files.clean)

  it("are known by size, time and kind", function()
    local path = files.write("12345")
    local info = core.file_info(path)
    assert.are.equal(5, info.size)
    assert.are.equal("file", info.kind)
    assert.truthy(info.mtime:match("^%d+%.%d%d%d%d%d%d%d%d%d$"))
    assert.are.equal("directory", core.file_info("/tmp").kind)
    assert.are.equal("other", core.file_info("/dev/null").kind)
    local nothing, reason = core.file_info("/no/such/file")
    assert.is_nil(nothing)
    assert.is_string(reason)
  end)

  it("are the same under every name, and when open", function()
    local path, other = files.write("1"), files.write("1")
    local id = core.file_info(path).id
    assert.are.equal(id, core.file_info((path:gsub("^(.*/)", "%1./"))).id)
    assert.are_not.equal(id, core.file_info(other).id)
    local file = assert(io.open(path))
    assert.are.equal(id, core.file_info(file).id)
    file:close()
    assert.is_nil((core.file_info(file)))
    assert.has_error(function() core.file_info(core.buffer()) end)
    assert.has_error(function() core.file_info(nil) end)
  end)

  it("keep their mode when they are replaced", function()
    local path = files.write("private")
    os.execute("unset LD_PRELOAD; chmod 600 " .. path)
    assert.is_true(core.replace(path, path .. ".tmp", "new"))
    local pipe = assert(io.popen("unset LD_PRELOAD; stat -c %a " .. path))
    assert.are.equal("600\n", pipe:read("*a"))
    pipe:close()
  end)

  it("are replaced as a whole", function()
    local path = files.write("old")
    assert.is_true(core.replace(path, path .. ".tmp", "new\0"))
    assert.are.equal("new\0", files.read(path))
    assert.is_nil(files.read(path .. ".tmp"))
    local buffer = core.buffer()
    core.shape({ type = "string" }):write("x", buffer)
    assert.is_true(core.replace(path, path .. ".tmp", buffer))
    assert.are.equal('"x"', files.read(path))
    local other = files.write("moved")
    assert.is_true(core.replace(path, other))
    assert.are.equal("moved", files.read(path))
    local ok, reason = core.replace("/no/such/dir/x", "/no/such/dir/y", "z")
    assert.is_nil(ok)
    assert.is_string(reason)
    assert.is_nil((core.replace("/tmp", path .. ".tmp", "a directory is no file")))
    assert.is_nil(files.read(path .. ".tmp"))
  end)

  it("are cut, but never made longer", function()
    local path = files.write("12345")
    assert.is_true(core.truncate(path, 3))
    assert.are.equal("123", files.read(path))
    assert.is_nil((core.truncate(path, 4)))
    assert.is_nil((core.truncate("/no/such/file", 0)))
    assert.has_error(function() core.truncate(path, -1) end)
    assert.is_true(core.sync(path))
    assert.is_nil((core.sync("/no/such/file")))
  end)

  it("says where a link leads, there or not", function()
    local path = os.tmpname()
    os.remove(path)
    assert.are.equal(path, core.follow(path))
    os.execute(("unset LD_PRELOAD; ln -s ../nowhere %s"):format(path))
    assert.are.equal(path:match("^.*/") .. "../nowhere", core.follow(path))
    os.remove(path)
    os.execute(("unset LD_PRELOAD; ln -s %s %s"):format(path, path))
    assert.is_nil((core.follow(path)))
    os.remove(path)
    assert.are.equal("/proc/self/fd/0", core.follow "/proc/self/fd/0")
    assert.is_nil((core.follow(("x"):rep(5000))))
    assert.is_nil((core.follow "/dev/null/x"))
  end)

  it("are written in pieces from strings and buffers", function()
    local path = files.write("")
    local file, gathered, buffer = assert(io.open(path, "wb")), core.buffer(), core.buffer()
    file:setvbuf("no")
    core.shape({ type = "string" }):write("abc", buffer)
    assert.is_true(core.gather(file, gathered, buffer, 4, 8))
    assert.is_true(core.gather(file, gathered, "def", 3, 8))
    assert.are.equal("", files.read(path))
    assert.is_true(core.gather(file, gathered, "gh", 1, 7))
    assert.are.equal('"abcdef', files.read(path))
    assert.is_true(core.gather(file, gathered, "ten bytes.", 10, 7))
    assert.are.equal('"abcdefgten bytes.', files.read(path))
    core.gather(file, gathered, "end", 3, 7)
    assert.is_true(core.gather(file, gathered, "", 0, 0))
    assert.are.equal('"abcdefgten bytes.end', files.read(path))
    assert.has_error(function() core.gather(file, gathered, "x", 2, 7) end)
    assert.has_error(function() core.gather(file, "x", "x", 1, 7) end)
    file:close()
    assert.has_error(function() core.gather(file, gathered, "x", 1, 7) end)
    file = assert(io.open(path, "rb"))
    local ok, reason = core.gather(file, gathered, "x", 1, 0)
    assert.is_nil(ok)
    assert.is_string(reason)
    file:close()
  end)

  it("are not meant by a name that a NUL cuts short", function()
    local path = files.write("123")
    local cut = path .. "\0.csv"
    for _, call in ipairs {
      function() core.file_info(cut) end,
      function() core.sync(cut) end,
      function() core.truncate(cut, 0) end,
      function() core.replace(cut, path .. ".new", "x") end,
      function() core.replace(path, cut, "x") end,
      function() core.journal_reader(cut, 0) end,
      function() core.journal_writer(path, cut) end,
      function() core.make_folder(cut) end,
      function() core.folder(cut) end,
      function() core.file_lock(cut) end,
      function() core.add_lines(cut, "x") end,
    } do
      assert.has_error(call)
    end
    assert.are.equal("123", files.read(path))
  end)

  it("are not replaced by way of somebody else's link", function()
    local path, other = files.write("old"), files.write("other")
    assert(os.execute(("ln -s %s %s.tmp"):format(other, path)))
    assert.is_nil((core.replace(path, path .. ".tmp", "new")))
    assert.are.equal("other", files.read(other))
    assert.are.equal("old", files.read(path))
    os.remove(path .. ".tmp")
  end)

  it("have a digest", function()
    assert.are.equal("cbf29ce484222325", core.digest(""))
    assert.are.equal("af63dc4c8601ec8c", core.digest("a"))
    assert.are_not.equal(core.digest("ab"), core.digest("ba"))
  end)

  it("keeps the beginning of a buffer, or nothing", function()
    local path = files.path ".txt"
    local file, buffer = assert(io.open(path, "wb")), core.buffer()
    assert.is_true(core.gather(file, buffer, "abcdef", 6, 100))
    buffer:clear(4)
    assert.are.equal("abcd", tostring(buffer))
    for _, count in ipairs { 5, -1, 0 / 0, 1 / 0 } do
      assert.has_error(function() buffer:clear(count) end)
    end
    assert.are.equal("abcd", tostring(buffer))
    buffer:clear()
    assert.are.equal(0, #buffer)
    assert.is_true(core.gather(file, buffer, "again", 5, 100))
    for _ = 1, 2 do
      buffer:free()
      assert.are.equal("", tostring(buffer))
    end
    assert.is_true(core.gather(file, buffer, "and again", 9, 100))
    assert.are.equal("and again", tostring(buffer))
    file:close()
  end)
end)
