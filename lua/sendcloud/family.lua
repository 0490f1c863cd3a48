--- Who made which task: one that is cancelled is so with all that came of it.

local family = {}

---@class sendcloud.Relative
---@field parent sendcloud.Relative?           who made it
---@field children table<sendcloud.Relative, true>? those it made that are not done; nil when
---  it is done itself

--- Makes a task the child of another, or of nobody.
---@param task table
---@param parent sendcloud.Relative?
function family.join(task, parent)
  task.parent, task.children = parent, {}
  if parent then parent.children[task] = true end
end

--- A task that is done leaves. Its children are its parent's from then on: a cancel still
--- reaches them, and where each task makes the next no chain of those done is kept.
---@param task sendcloud.Relative
function family.leave(task)
  local parent = task.parent
  if parent then parent.children[task] = nil end
  for child in pairs(task.children) do
    child.parent = parent
    if parent then parent.children[child] = true end
  end
  task.parent, task.children = nil, nil
end

return family
