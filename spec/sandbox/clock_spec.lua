-- The clock: when it stands, when it runs, who moves it.

local tools = require "spec.sandbox.tools"

local LIST = "/marketing/lists/listMembers"

after_each(tools.stop_all)

local function date(box)
  local _, _, headers = tools.ask(box, "POST", LIST, "{}")
  return headers.date
end

describe("box:clock", function()
  it("stands at one moment where a seed is given", function()
    local box = tools.start { seed = 1 }
    assert.equal("2026-01-01 09:00:00", box:clock())
    assert.equal("Thu, 01 Jan 2026 01:00:00 GMT", date(box))
    assert.equal(box:time(), box:time())
  end)

  it("runs with the machine's where none is given", function()
    local box = tools.start {}
    assert(math.abs(box:time() - os.time()) < 5)
    box = tools.start { seed = 1, clock = "machine" }
    assert(math.abs(box:time() - os.time()) < 5)
  end)

  it("is set at the start, and by clock", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    assert.equal("2026-11-22 09:00:00", box:clock())
    assert.equal(1795309200, box:time())
    assert.equal("Sun, 22 Nov 2026 01:00:00 GMT", date(box))
    assert.equal("2024-02-29 23:59:59", box:clock("2024-02-29 23:59:59"))
    assert.equal("2024-02-29 00:00:00", box:clock("2024-02-29"))
    assert.equal("1970-01-01 08:00:00", box:clock(0))
    assert.equal("2026-11-22 09:00:00", box:clock(1795309200))
    for _, wrong in ipairs { "soon", "2026-1-1", {}, "2026-11-22 09:00:00Z" } do
      assert.False(pcall(box.clock, box, wrong))
    end
  end)

  it("runs again from where it is, or with the machine's", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    assert.equal("2026-11-22 09:00", box:clock("run"):sub(1, 16))
    local before = box:time()
    repeat until box:time() > before
    box:clock("machine")
    assert(math.abs(box:time() - os.time()) < 5)
  end)

  it("goes back to the beginning with a reset", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    box:advance(100)
    box:reset()
    assert.equal("2026-11-22 09:00:00", box:clock())
  end)
end)

describe("box:advance", function()
  it("moves it, in parts of a second too", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    assert.equal("2026-11-22 09:01:01", box:advance(61))
    for _ = 1, 10000 do box:advance(0.0001) end
    assert.equal("2026-11-22 09:01:02", box:clock())
    assert.equal("2026-11-22 09:01:02", box:advance(0))
    for _, wrong in ipairs { -1, 0 / 0, 1 / 0, "x" } do
      assert.False(pcall(box.advance, box, wrong))
    end
  end)

  it("moves a running one as well", function()
    local box = tools.start {}
    box:advance(86400)
    assert(math.abs(box:time() - os.time() - 86400) < 5)
  end)
end)

describe("a clock that stands, over HTTP,", function()
  it("is not moved by requests that follow each other", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    local arguments = {}
    for i = 1, 50 do arguments[i] = box.url .. LIST end
    tools.curl((table.unpack or unpack)(arguments)) -- luacheck: ignore
    assert.equal(50, #box:requests())
    assert.equal("2026-11-22 09:00:00", box:clock())
  end)

  it("takes over no pause from before it was set", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    tools.curl(box.url .. LIST)
    tools.shell("bash -c 'read -t 0.2 < <(sleep 1)'")
    box:clock("2026-11-23 09:00:00")
    tools.curl(box.url .. LIST)
    assert.equal("2026-11-23 09:00:00", box:clock())
  end)

  it("takes over a caller's pauses", function()
    local box = tools.start { clock = "2026-11-22 09:00:00" }
    tools.shell(("bash -c 'curl -s -o /dev/null %s; read -t 0.3 < <(sleep 1); curl -s -o /dev/null %s'")
      :format(box.url .. LIST, box.url .. LIST))
    local moved = box:time() - 1795309200
    assert(moved >= 0.29 and moved < 5, moved)
  end)
end)
