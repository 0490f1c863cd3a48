-- POST /sign-up with the fields email and name of a form. The visitor does not wait for the
-- service, nor is the sign-up lost when that is down: it is in the journal when `add` returns.

local contacts = require "contacts"

local sign_up = {}

-- What went wrong, as a status of ours.
local STATUS = { invalid = 422, rate_limited = 503 }

local function reply(status, text)
  ngx.status = status
  ngx.say(text)
end

function sign_up.answer()
  if ngx.req.get_method() ~= "POST" then return reply(405, "POST it") end
  ngx.req.read_body()
  local form = ngx.req.get_post_args()
  local ok, err = contacts.collector():add {
    email = form.email, name = form.name, tags = { "sign-up" },
  }
  if ok then return reply(202, "thank you") end
  if err.kind ~= "invalid" then ngx.log(ngx.ERR, tostring(err)) end -- holds no address
  if err.retry_after then ngx.header["Retry-After"] = math.ceil(err.retry_after) end
  local text = err.kind == "invalid" and tostring(err) or "try again later"
  return reply(STATUS[err.kind] or 500, text)
end

return sign_up
