-- The short way of a call beside the pipeline, which a listener makes it go through.

local assert = require "luassert"

local ways = {}

--- What may come of a request, as faults of the sandbox; `more` are such as only some answer.
---@param more table[]
---@return table[]
function ways.faults(more)
  local list = {
    { status = 500 }, { status = 503, retry_after = 0 }, { status = 401 }, { status = 302 },
    { status = 204 }, { status = 200, body = "" }, { status = 200, body = "<html>login</html>" },
    { status = 200, body = '{"status":400,"error":{"parameter":"id","message":"no"}}' },
    { status = 200, body = '{"code":30036,"message":"not there"}' },
    { reset = "before" }, { reset = "after" },
  }
  for _, fault in ipairs(more) do list[#list + 1] = fault end
  return list
end

--- A fault that strikes an operation, and a name for it.
---@param operation string
---@param fault table
---@param nth integer? every one when nil
---@return table rule
---@return string name
function ways.rule(operation, fault, nth)
  local rule = { operation = operation, nth = nth }
  for key, value in pairs(fault) do rule[key] = value end
  return rule, ("status %s, %s"):format(tostring(fault.status),
    fault.body or fault.reset or (fault.truncate and "truncated") or "")
end

--- Does a thing both ways, under the same fault, and asserts that it comes to the same.
---@param box table                                the sandbox
---@param fault table|nil                          a rule for it
---@param result fun(listens: boolean, ...): table  what it comes to
---@param ... any                                  for `result`
---@return table seen
---@return integer requests
function ways.same(box, fault, result, ...)
  local function once(listens, ...)
    local rule = fault and box:fault(fault)
    local before = #box:requests()
    local seen = result(listens, ...)
    if rule then rule:remove() end
    return seen, #box:requests() - before
  end
  local short, requests = once(false, ...)
  local long, as_many = once(true, ...)
  assert.same(long, short)
  assert.equal(as_many, requests)
  return short, requests
end

return ways
