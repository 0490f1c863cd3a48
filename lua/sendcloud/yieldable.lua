-- Whether the running coroutine can yield. Lua 5.3 and LuaJIT say so themselves. PUC Lua
-- 5.1 does not, and there a pcall, a metamethod, a `for` iterator or a C function between
-- a coroutine and its resume forbids it. But 5.1 counts nested C calls and refuses the
-- 200th: how many pcalls still fit inside each other shows the count, and a coroutine can
-- yield when it stands exactly one deeper than the code that resumed it.

local yieldable = {}

local unpack = table.unpack or unpack

local LIMIT = 250 -- above the most C calls that Lua 5.1 nests

local reached
local chain = {}
local guess = 190

-- Whether n pcalls fit inside each other from here.
local function fits(n)
  reached = false
  pcall(unpack(chain, LIMIT + 1 - n, LIMIT + 1))
  return reached
end

local function measure()
  while guess > 1 and not fits(guess) do
    guess = guess - 1
  end
  while guess < LIMIT and fits(guess + 1) do
    guess = guess + 1
  end
  return guess
end

local function stands_below(room)
  return fits(room - 1)
end

--- Whether code can yield inside a pcall: everywhere but on PUC Lua 5.1.
yieldable.across_pcall = not (_VERSION == "Lua 5.1" and not coroutine.isyieldable)

local is_yieldable = coroutine.isyieldable
  or function() -- Lua 5.2 yields nearly everywhere
    return true
  end

--- What `can_yield` needs to know of the code that is about to resume a coroutine.
---@return integer? room
function yieldable.room() end

--- Whether the running coroutine, resumed by code with that room, can yield.
---@param _room integer?
---@return boolean
function yieldable.can_yield(_room)
  return is_yieldable()
end

if not yieldable.across_pcall then
  for i = 1, LIMIT do
    chain[i] = pcall
  end
  chain[LIMIT + 1] = function()
    reached = true
  end
  yieldable.room = measure
  yieldable.can_yield = stands_below
end

return yieldable
