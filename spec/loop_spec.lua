local clock_driver = require "spec.support.clock_driver"
local loop = require "sendcloud.loop"

describe("loop", function()
  local driver, transport
  before_each(function()
    driver = clock_driver.new()
    transport = loop.new(driver)
  end)

  local function ask(name, after)
    return transport:send { name = name, after = after, answer = name }
  end

  it("sends and sleeps outside of tasks", function()
    assert.equal("a", ask("a", 3))
    assert.equal(1003, transport:now())
    assert.is_true(transport:sleep(2))
    assert.equal(1005, transport:now())
    assert.equal(1005 + 1e9, transport:time())
    local answer, failure = transport:send { failure = "why" }
    assert.same({ nil, "why" }, { answer, failure })
    answer, failure = transport:send { refuse = "no" }
    assert.is_nil(answer)
    assert.equal("no", failure.message)
  end)

  it("takes sleeps of zero, less and NaN as none", function()
    for _, seconds in ipairs { 0, -5, 0 / 0 } do
      assert.is_true(transport:sleep(seconds))
    end
    assert.equal(1000, transport:now())
  end)

  it("runs tasks side by side", function()
    local tasks = {}
    for i = 1, 5 do
      tasks[i] = transport:spawn(function(n)
        return ask("first " .. n, 10), ask("second " .. n, 10)
      end, i)
    end
    for i = 1, 5 do
      assert.same({ true, "first " .. i, "second " .. i }, { transport:await(tasks[i]) })
    end
    assert.equal(5, driver.most)
    assert.equal(1020, transport:now())
    local order = table.concat(driver.log, ",")
    assert.equal(1, (order:find("first 1,first 2,first 3,first 4,first 5,second 1", 1, true)))
  end)

  it("passes arguments and results with nil among them, and C functions", function()
    local task = transport:spawn(function(...)
      return select("#", ...), ...
    end, nil, 2, nil)
    assert.equal(5, select("#", transport:await(task)))
    assert.same({ true, 3, nil, 2 }, { transport:await(task) })
    assert.same({ true, "3" }, { transport:await(transport:spawn(tostring, 3)) })
  end)

  it("carries what a task raises, and loses no other", function()
    local object = {}
    local bad = transport:spawn(function()
      ask("x", 1)
      error(object)
    end)
    local worse = transport:spawn(error, "at once", 0)
    local good = transport:spawn(ask, "y", 2)
    assert.same({ true, "y" }, { transport:await(good) })
    local ok, raised = transport:await(bad)
    assert.is_false(ok)
    assert.equal(object, raised)
    assert.same({ false, "at once" }, { transport:await(worse) })
  end)

  it("steps for a plain send while tasks go on", function()
    local order = {}
    local task = transport:spawn(function()
      for i = 1, 3 do
        order[i] = ask("task " .. i, 1)
      end
    end)
    assert.equal("main", ask("main", 10))
    assert.equal(3, #order)
    assert.is_true(transport:await(task))
  end)

  it("yields for a task's own code only: a coroutine of the user's steps", function()
    local task = transport:spawn(function()
      local numbers = coroutine.wrap(function()
        for i = 1, 3 do
          coroutine.yield(ask("n" .. i, 1))
        end
      end)
      return numbers() .. numbers() .. numbers()
    end)
    local other = transport:spawn(ask, "other", 1)
    assert.same({ true, "n1n2n3" }, { transport:await(task) })
    assert.same({ true, "other" }, { transport:await(other) })
  end)

  it("works where the language cannot yield", function()
    local function in_sort()
      local list = { 3, 1, 2 }
      table.sort(list, function(a, b)
        ask("sort", 1)
        return a < b
      end)
      return table.concat(list)
    end
    local function in_gsub()
      return (("abc"):gsub(".", function(c)
        return ask(c .. c, 1)
      end))
    end
    local function in_pcall()
      local ok, answer = pcall(ask, "p", 1)
      return tostring(ok) .. answer
    end
    local function in_metamethod()
      local object = setmetatable({}, {
        __index = function(_, name)
          return (ask(name, 1))
        end,
      })
      return object.a .. object.b
    end
    local function in_iterator()
      local text = ""
      for c in
        function(_, last)
          if last ~= "c" then
            return (ask(last and "c" or "b", 1))
          end
        end
      do
        text = text .. c
      end
      return text
    end
    local tasks = {}
    for i, f in ipairs { in_sort, in_gsub, in_pcall, in_metamethod, in_iterator, in_pcall } do
      tasks[i] = transport:spawn(f)
    end
    local got = {}
    for i, task in ipairs(tasks) do
      local ok, text = transport:await(task)
      assert.is_true(ok, text)
      got[i] = text
    end
    assert.same({ "123", "aabbcc", "truep", "ab", "bc", "truep" }, got)
  end)

  it("lets a user's own yield in a task pass the turn", function()
    local order = {}
    local function walk(name)
      for i = 1, 2 do
        order[#order + 1] = name .. i
        coroutine.yield()
      end
    end
    local a, b = transport:spawn(walk, "a"), transport:spawn(walk, "b")
    assert.is_true(transport:await(a))
    assert.is_true(transport:await(b))
    assert.same({ "a1", "b1", "a2", "b2" }, order)
  end)

  it("is fair: who never waits long does not keep the others from their answers", function()
    local stop = false
    local spinner = transport:spawn(function()
      local turns = 0
      while not stop do
        transport:sleep(0)
        turns = turns + 1
        assert(turns < 1000, "nobody else had a turn")
      end
    end)
    local worker = transport:spawn(function()
      for _ = 1, 10 do
        ask("w", 0)
      end
      stop = true
    end)
    assert.is_true(transport:await(worker))
    assert.is_true(transport:await(spinner))
  end)

  it("moves the clock only when nothing can run", function()
    local order = {}
    local function sleeper(seconds)
      transport:sleep(seconds)
      order[#order + 1] = ("%g at %g"):format(seconds, transport:now())
    end
    local tasks = {}
    for i, seconds in ipairs { 30, 10, 20, 10 } do
      tasks[i] = transport:spawn(sleeper, seconds)
    end
    local busy = transport:spawn(function()
      for _ = 1, 50 do
        coroutine.yield()
        assert(transport:now() == 1000)
      end
    end)
    for _, task in ipairs(tasks) do
      transport:await(task)
    end
    assert.is_true(transport:await(busy))
    assert.same({ "10 at 1010", "10 at 1010", "20 at 1020", "30 at 1030" }, order)
  end)

  it("does not wait for ever for what adding up times has lost", function()
    driver.clock = 1e9 + 0.1
    for _ = 1, 100 do
      transport:sleep(0.1)
      assert.is_true(transport:await(transport:spawn(transport.sleep, transport, 1e-7)))
    end
  end)

  it("nests: a task spawns tasks and awaits them", function()
    local function tree(depth)
      if depth == 0 then
        return ask("leaf", 1) and 1
      end
      local left, right = transport:spawn(tree, depth - 1), transport:spawn(tree, depth - 1)
      local _, l = transport:await(left)
      local _, r = transport:await(right)
      return l + r
    end
    assert.same({ true, 32 }, { transport:await(transport:spawn(tree, 5)) })
    assert.equal(1001, transport:now())
    assert.equal(32, driver.most)
  end)

  it("wakes everybody who awaits the same task", function()
    local task = transport:spawn(ask, "once", 1)
    local waiters = {}
    for i = 1, 3 do
      waiters[i] = transport:spawn(function()
        return select(2, transport:await(task))
      end)
    end
    for i = 1, 3 do
      assert.same({ true, "once" }, { transport:await(waiters[i]) })
    end
    assert.same({ "once" }, driver.log)
  end)

  it("bears many coroutines that step inside tasks", function()
    local tasks = {}
    for i = 1, 100 do
      tasks[i] = transport:spawn(function()
        return coroutine.wrap(function()
          transport:sleep(1)
          return (ask("t" .. i, 1))
        end)()
      end)
    end
    for i = 1, 100 do
      assert.same({ true, "t" .. i }, { transport:await(tasks[i]) })
    end
  end)

  it("says so when tasks wait for each other", function()
    local a, b
    a = transport:spawn(function()
      return transport:await(b)
    end)
    b = transport:spawn(function()
      return transport:await(a)
    end)
    local ok, message = transport:await(a)
    assert.is_false(ok)
    assert.equal("string", type(message))
    local c
    c = transport:spawn(function()
      return transport:await(c)
    end)
    assert.same({ true, false, "a task cannot wait for itself" }, { transport:await(c) })
  end)

  it("keeps no task that is done, even where each makes the next", function()
    local seen, left = setmetatable({}, { __mode = "k" }), 100
    local function work()
      seen[transport:running()] = true
      left = left - 1
      if left == 0 then return ask("the last", 100) end
      ask "one"
      transport:spawn(work)
    end
    transport:spawn(work)
    while left > 0 do transport:sleep(1) end
    transport:sleep(1)
    collectgarbage()
    collectgarbage()
    local kept = 0
    for _ in pairs(seen) do kept = kept + 1 end
    assert.equal(1, kept)
  end)

  describe("cancel", function()
    it("ends what a task waits for", function()
      local function failure_of(f, ...)
        local task = transport:spawn(function(...)
          local _, failure = f(...)
          return failure
        end, ...)
        transport:sleep(0.5)
        transport:cancel(task)
        transport:cancel(task)
        local ok, failure = transport:await(task)
        assert.is_true(ok)
        assert.equal("cancelled", failure.kind)
      end
      failure_of(ask, "slow", 100)
      failure_of(transport.sleep, transport, 100)
      local endless = transport:spawn(transport.sleep, transport, 100)
      failure_of(transport.await, transport, endless)
      assert.is_true(transport:now() < 1002)
      assert.equal(0, #driver.under_way)
    end)

    it("holds for what the task asks later, and for its children", function()
      local child
      local task = transport:spawn(function()
        child = transport:spawn(ask, "child", 100)
        transport:sleep(100)
        local _, one = ask "later"
        local _, two = transport:sleep(1)
        return one.kind, two.kind
      end)
      transport:sleep(1)
      transport:cancel(task)
      assert.same({ true, "cancelled", "cancelled" }, { transport:await(task) })
      local ok, answer, failure = transport:await(child)
      assert.same({ true, nil, "cancelled" }, { ok, answer, failure.kind })
      assert.equal(1001, transport:now())
    end)

    it("reaches what the children of a task made before they were done", function()
      local grandchild
      local task = transport:spawn(function()
        transport:await(transport:spawn(function()
          grandchild = transport:spawn(ask, "grandchild", 100)
        end))
        transport:sleep(100)
      end)
      transport:sleep(1)
      transport:cancel(task)
      local ok, answer, failure = transport:await(grandchild)
      assert.same({ true, nil, "cancelled" }, { ok, answer, failure.kind })
      assert.equal(1001, transport:now())
    end)

    it("keeps a task that has not begun from beginning", function()
      local begun = false
      local task = transport:spawn(function()
        begun = true
      end)
      transport:cancel(task)
      local ok, failure = transport:await(task)
      assert.is_false(ok)
      assert.equal("cancelled", failure.kind)
      transport:sleep(1)
      assert.is_false(begun)
    end)

    it("of a finished task changes nothing", function()
      local task = transport:spawn(ask, "a")
      transport:await(task)
      transport:cancel(task)
      assert.same({ true, "a" }, { transport:await(task) })
    end)
  end)

  describe("close", function()
    it("cancels everything on its way, from inside a task too", function()
      local tasks = {
        transport:spawn(ask, "a", 100),
        transport:spawn(transport.sleep, transport, 100),
        transport:spawn(function()
          transport:sleep(1)
          transport:close()
          return ask "b"
        end),
      }
      local _, main = ask("main", 100)
      assert.equal("cancelled", main.kind)
      for _, task in ipairs(tasks) do
        local ok, answer, failure = transport:await(task)
        assert.same({ true, nil, "cancelled" }, { ok, answer, failure.kind })
      end
      assert.is_true(driver.closed)
      transport:close()
      assert.equal(1001, transport:now())
      assert.equal("cancelled", select(2, ask "c").kind)
      assert.equal("cancelled", select(2, transport:sleep(5)).kind)
    end)
  end)

  it("knows the running task", function()
    assert.is_nil(transport:running())
    local task
    task = transport:spawn(function()
      return transport:running() == task
    end)
    assert.same({ true, true }, { transport:await(task) })
    assert.is_nil(transport:running())
  end)
end)
