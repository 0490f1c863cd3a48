-- One client and one collector for a worker's requests and timers.

local contacts = {}

local client, collector

--- The client; credentials come from the environment.
function contacts.client()
  if not client then
    client = assert(require("sendcloud").new {
      rate = 50, shared = "sendcloud", -- all workers together
    })
  end
  return client
end

--- Where sign-ups are gathered. The journal is a folder that all workers share.
function contacts.collector()
  if not collector then
    collector = assert(require("sendcloud.collector").new {
      client = contacts.client(),
      journal = os.getenv "SIGN_UPS" or "/var/lib/sign-ups",
    })
  end
  return collector
end

return contacts
