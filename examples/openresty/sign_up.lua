-- POST /sign-up with the fields email and name of a form. The worker serves others while the
-- call is on its way.

local contacts = require "contacts"

local sign_up = {}

-- What went wrong, as a status of ours.
local STATUS = { invalid = 422, timeout = 503, network = 503, server = 503, rate_limited = 503 }

local function reply(status, text)
  ngx.status = status
  ngx.say(text)
end

function sign_up.answer()
  if ngx.req.get_method() ~= "POST" then return reply(405, "POST it") end
  ngx.req.read_body()
  local form = ngx.req.get_post_args()
  local result, err = contacts.client().members:upsert {
    { email = form.email, name = form.name, tags = { "sign-up" } },
  }
  if not result then
    if err.kind ~= "invalid" then ngx.log(ngx.ERR, tostring(err)) end -- holds no address
    if err.retry_after then ngx.header["Retry-After"] = math.ceil(err.retry_after) end
    local text = err.kind == "invalid" and tostring(err) or "try again later"
    return reply(STATUS[err.kind] or 500, text)
  end
  if result.error_count > 0 then return reply(422, "that address was refused") end
  return reply(201, "welcome")
end

return sign_up
