-- One client for a worker's requests and timers.

local contacts = {}

local client

--- The client; credentials come from the environment.
function contacts.client()
  if not client then
    client = assert(require("sendcloud").new {
      rate = 50, shared = "sendcloud", -- all workers together
      deadline = 10, -- a visitor waits no longer
    })
  end
  return client
end

return contacts
