local clock_driver = require "spec.support.clock_driver"
local crew = require "sendcloud.crew"
local loop = require "sendcloud.loop"

describe("a crew", function()
  local transport, raised
  before_each(function()
    transport = loop.new(clock_driver.new())
    raised = {}
  end)

  local function note(what) raised[#raised + 1] = what end

  it("without tasks is not waited for", function()
    crew.wait(crew.new(transport), note)
    assert.same({}, raised)
  end)

  it("runs its tasks side by side, with their arguments, and waits for all", function()
    local self, done = crew.new(transport), {}
    for i = 1, 5 do
      crew.add(self, function(number, word)
        transport:sleep(6 - number)
        done[#done + 1] = number .. word
      end, i, "x")
    end
    local begun = transport:now()
    crew.wait(self, note)
    assert.same({ "5x", "4x", "3x", "2x", "1x" }, done)
    assert.near(5, transport:now() - begun, 1e-6)
    assert.is_nil(next(self.live))
  end)

  it("waits for those that begin meanwhile", function()
    local self, deepest = crew.new(transport), 0
    local function go(depth)
      transport:sleep(0.1)
      deepest = math.max(deepest, depth)
      if depth < 10 then crew.add(self, go, depth + 1) end
    end
    crew.add(self, go, 1)
    crew.wait(self, note)
    assert.equal(10, deepest)
  end)

  it("tells what tasks raise, the object itself, and waits for the others", function()
    local self, problem, finished = crew.new(transport), {}, false
    crew.add(self, function() error(problem) end)
    crew.add(self, function()
      transport:sleep(1)
      finished = true
    end)
    crew.wait(self, note)
    assert.equal(1, #raised)
    assert.equal(problem, raised[1])
    assert.is_true(finished)
  end)

  it("keeps nothing of what has ended", function()
    local self = crew.new(transport)
    for _ = 1, 100 do
      crew.add(self, function() transport:sleep(0.01) end)
      transport:sleep(0.02)
    end
    assert.is_nil(next(self.live))
  end)

  -- nginx lets others run while it makes a task: the new one, or one that waits for the crew.
  describe("whose transport lets others run while it makes a task", function()
    local others
    local eager = {}
    function eager:spawn(fn, ...) -- luacheck: ignore self
      local task = { pcall(fn, ...) }
      if others then others() end
      return task
    end
    function eager:await(task) -- luacheck: ignore self
      return task[1], task[2]
    end

    before_each(function() others = nil end)

    it("forgets a task that ended before it was made", function()
      local self = crew.new(eager)
      crew.add(self, function() end)
      assert.is_nil(next(self.live))
    end)

    it("still tells what such a task raised", function()
      local self = crew.new(eager)
      crew.add(self, function() error("early", 0) end)
      crew.wait(self, note)
      assert.same({ "early" }, raised)
    end)

    it("waits for one that is just being made", function()
      local slow = { made = false }
      function slow:spawn(fn, ...)
        local task = coroutine.create(fn)
        local arguments = { ... }
        coroutine.yield() -- the one who waits goes first
        self.made = true
        return { task = task, arguments = arguments }
      end
      function slow:await(task) -- luacheck: ignore self
        return coroutine.resume(task.task, (table.unpack or unpack)(task.arguments))
      end
      function slow:sleep() -- luacheck: ignore self
        coroutine.yield()
        return true
      end
      local self, worked, waited = crew.new(slow), false, false
      local adder = coroutine.create(function() crew.add(self, function() worked = true end) end)
      local waiter = coroutine.create(function()
        crew.wait(self, note)
        waited = true
      end)
      assert(coroutine.resume(adder))
      assert(coroutine.resume(waiter))
      assert.is_false(waited)
      assert(coroutine.resume(adder))
      assert.is_true(slow.made)
      assert(coroutine.resume(waiter))
      assert.is_true(waited)
      assert.is_true(worked)
    end)

    it("gives up one that never will be, when the transport is closed", function()
      local closed = {}
      function closed:spawn() -- luacheck: ignore self
        coroutine.yield()
      end
      function closed:sleep() -- luacheck: ignore self
        return nil, { kind = "cancelled" }
      end
      local self = crew.new(closed)
      local adder = coroutine.create(function() crew.add(self, function() end) end)
      assert(coroutine.resume(adder))
      crew.wait(self, note)
      assert(coroutine.resume(adder))
      assert.is_nil(next(self.live))
    end)
  end)
end)
