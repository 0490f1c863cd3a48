-- The client inside nginx: the same calls, in a request and in a timer.

local server = require "spec.nginx.server"
if not server.possible() then return end

local cases = require "spec.nginx.cases"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"

describe("inside nginx", function()
  local nginx, box
  setup(function()
    box = sandbox.start { port = 0 }
    nginx = server.start { locations = cases.locations "" }
  end)
  teardown(function()
    local complaints = nginx:stop()
    box:stop()
    files.clean()
    assert.equal("", complaints)
  end)
  before_each(function()
    box:reset()
  end)

  cases.each(function(place, name, path, prepare)
    it(place .. ": " .. name, function()
      prepare(box)
      assert.equal("ok", nginx:ask(path .. box.url))
    end)
  end)

  it("one worker has one thread more, and one socket", function()
    local pid = nginx:workers()[1]
    local pipe = io.popen(("ls /proc/%d/task | wc -l"):format(pid))
    local threads = tonumber(pipe:read "*a")
    pipe:close()
    assert.equal(2, threads)
    assert.truthy(nginx:sockets():find("^sendcloud%-" .. pid .. "%-%w+$"))
  end)
end)
