-- The same 27 examples as they arrive at a server: over HTTP, and in process.

local support = dofile("spec/contract/support.lua")
local sandbox = require "sendcloud.sandbox"

local function path_of(url)
  return url:match "^https://[^/]+([^?]*)%??(.*)$"
end

local function check(case, document, request)
  local expected = support.curl(document.curl)
  local path, query = path_of(case.url or expected.url)
  assert.equal(expected.method, request.method)
  assert.equal(path, request.path)
  assert.equal(query, request.query)
  assert.equal(expected.headers["content-type"], request.headers["Content-Type"])
  local body = case.sent or expected.body
  if body then
    assert.equal(support.compact(body, true), support.compact(request.body, true))
    assert.equal(support.compact(request.body), request.body)
  else
    assert.equal("", request.body)
  end
end

for _, transport in ipairs { "http", "sandbox" } do
  describe("what arrives over " .. transport, function()
    local box

    setup(function()
      box = assert(sandbox.start { port = 0, seed = 1, api_user = "api_user", api_key = "api_key" })
    end)
    teardown(function() box:stop() end)

    for _, provider in ipairs { "sendcloud", "engagelab" } do
      for name, cases in pairs(dofile("spec/contract/cases/" .. provider .. ".lua")) do
        local documents = support.documents(name)
        for operation, case in pairs(cases) do
          it("is the example of " .. provider .. " " .. operation, function()
            local client = assert(box:client {
              provider = provider, retry = false, transport = transport == "sandbox" and transport or nil,
            })
            local before = #box:requests()
            local _, err = case.call(client)
            client:close()
            local requests = box:requests()
            assert.equal(before + 1, #requests)
            assert.not_equal("auth", err and err.kind)
            assert.equal(operation, requests[#requests].operation)
            check(case, documents[operation], requests[#requests])
          end)
        end
      end
    end
  end)
end
