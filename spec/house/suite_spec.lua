-- What `.ci/suite` promises: one plain last line, and a dying runtime never looks well.

local function run(spec_source)
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute("mkdir -p " .. dir))
  local file = assert(io.open(dir .. "/made_spec.lua", "w"))
  file:write(spec_source)
  file:close()
  local lua = os.getenv("SENDCLOUD_LUA") or "lua5.4"
  local pipe = io.popen(("env -u LD_PRELOAD BUSTED_FLAGS= SPECS=%s LOGS=%s LIMIT=20 WRAP= PRELOAD= "
    .. ".ci/suite %s 2>&1 </dev/null; echo exit=$?"):format(dir, dir, lua))
  local output = pipe:read("*a")
  pipe:close()
  os.execute("rm -rf " .. dir)
  return output:match("([^\n]*)\nexit=(%d+)\n$")
end

describe("the suite's last line", function()
  it("counts passed, failed and skipped", function()
    local line, code = run [[
      it("a", function() end)
      it("b", function() error("no") end)
      it("c", function() assert.equal(1, 2) end)
      pending("d")
    ]]
    assert.equal("1 passed, 2 failed, 1 skipped", line)
    assert.equal("1", code)
  end)

  it("says nothing of skipped ones when there are none", function()
    local line, code = run [[ it("a", function() end) ]]
    assert.equal("1 passed, 0 failed", line)
    assert.equal("0", code)
  end)

  it("counts a runtime that dies in the middle as a failure", function()
    local line, code = run [[
      it("a", function() end)
      it("b", function() os.exit(0) end)
      it("c", function() end)
    ]]
    assert.equal("1 passed, 1 failed", line)
    assert.equal("1", code)
  end)

  it("counts a spec that does not load as a failure", function()
    local line, code = run [[ it("a", function() end) error("broken") ]]
    assert.truthy(line:find("1 failed", 1, true))
    assert.equal("1", code)
  end)

  it("counts a run without a test as a failure", function()
    local line, code = run [[ local nothing = 1 ]]
    assert.equal("0 passed, 1 failed", line)
    assert.equal("1", code)
  end)
end)
