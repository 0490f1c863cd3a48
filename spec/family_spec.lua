local family = require "sendcloud.family"

local function child_of(parent)
  local task = {}
  family.join(task, parent)
  return task
end

describe("a family", function()
  it("knows the children of a task until they are done", function()
    local parent = child_of(nil)
    local first, second = child_of(parent), child_of(parent)
    assert.same({ [first] = true, [second] = true }, parent.children)
    family.leave(first)
    assert.same({ [second] = true }, parent.children)
    assert.is_nil(first.parent)
  end)

  it("gives the children of one that is done to its parent", function()
    local grandparent = child_of(nil)
    local parent = child_of(grandparent)
    local child = child_of(parent)
    family.leave(parent)
    assert.equal(grandparent, child.parent)
    assert.same({ [child] = true }, grandparent.children)
    family.leave(grandparent)
    assert.is_nil(child.parent)
    family.leave(child)
  end)

  it("keeps none that is done where each makes the next", function()
    local seen = setmetatable({}, { __mode = "k" })
    local task = child_of(nil)
    for _ = 1, 100 do
      seen[task] = true
      local following = child_of(task)
      family.leave(task)
      task = following
    end
    collectgarbage()
    collectgarbage()
    seen[task] = nil
    assert.is_nil(next(seen))
  end)
end)
