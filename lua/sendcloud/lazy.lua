--- Modules that many programs never need, loaded when something in them is first asked for:
-- a script that makes one call starts faster.
--
-- Inside nginx they are loaded at once, for a worker that serves requests shall not read
-- files.

local lazy = {}

--- A module, or what stands for it until it is needed.
---@param name string "sendcloud.pages"
---@return table
function lazy.require(name)
  if package.loaded[name] or rawget(_G, "ngx") then return require(name) end
  local proxy = {}
  return setmetatable(proxy, { __index = function(_, key)
    local module = require(name)
    getmetatable(proxy).__index = module
    return module[key]
  end })
end

return lazy
