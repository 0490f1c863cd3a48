local core = require "sendcloud.core"
local support = require "spec.support.http"

describe("core.http", function()
  local engine, peer

  setup(function()
    peer = support.peer()
  end)
  teardown(function()
    support.stop()
  end)
  before_each(function()
    engine = core.http()
  end)
  after_each(function()
    engine:close()
  end)

  local function exchange(request)
    return support.exchange(engine, peer, request)
  end

  local function echo(request)
    request.path = "/echo"
    local text = assert(exchange(request)).body
    local head, body = text:match "^(.-\r\n)\r\n(.*)$"
    local headers = {}
    for name, value in head:gmatch "\n([^:\r\n]+): ?([^\r\n]*)" do
      headers[name:lower()] = value
    end
    return head:match "^[^\r]*", headers, body
  end

  describe("a request", function()
    it("goes out as it was given, and nothing more", function()
      local line, headers, body = echo {
        headers = { "X-One: 1", "X-Empty:", "X-Spaces:   a b \t c" },
        user_agent = "spec/1",
      }
      assert.equal("GET /echo HTTP/1.1", line)
      assert.equal("1", headers["x-one"])
      assert.equal("", headers["x-empty"])
      assert.equal("a b \t c", (headers["x-spaces"]:gsub("^ +", "")))
      assert.equal("spec/1", headers["user-agent"])
      assert.truthy(headers["accept-encoding"]:find("gzip", 1, true))
      assert.equal("", body)
      for _, name in ipairs { "content-type", "content-length", "expect", "authorization" } do
        assert.is_nil(headers[name])
      end
    end)

    it("sends no user agent of libcurl's", function()
      local _, headers = echo {}
      assert.is_nil(headers["user-agent"])
    end)

    -- One easy handle carries them all: what the last address had must not show in the next.
    it("goes to its own address, whatever the last one was", function()
      local long = "/echo/" .. ("x"):rep(2000)
      for _, path in ipairs { "/echo", "/echo?a=1&b=2", "/echo", "/echo/a/b?c", "/echo/%E4%f6?d=%2F",
        "/echo/a//../b/./c", "/echo?", "/echo?q=a?b", "/echo/~x_y-z.1", long, long .. "?a=1", "/echo?x=1" } do
        local answer = assert(exchange { path = path })
        assert.equal("GET " .. path .. " HTTP/1.1", answer.body:match "^[^\r]*")
      end
      local other = peer.url:gsub("127%.0%.0%.1", "localhost")
      for _, host in ipairs { other, peer.url, other, (peer.url:gsub("^http", "HTTP")) } do
        for _, path in ipairs { "/echo/1", "/echo/2?x=y", "/echo/3#fragment" } do
          local answer = assert(exchange { url = host .. path })
          assert.equal("GET " .. path:gsub("#.*", "") .. " HTTP/1.1", answer.body:match "^[^\r]*")
          assert.equal(host:match "//(.*)", answer.body:match "\n[Hh]ost: *([^\r]*)")
        end
      end
    end)

    it("says which encodings it takes, or what the caller says of them", function()
      local _, headers = echo { headers = { "accept-encoding: identity" } }
      assert.equal("identity", headers["accept-encoding"])
    end)

    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "GET", "SEARCH" } do
      it("carries a body with " .. method, function()
        local line, headers, body = echo {
          method = method,
          body = "{\0}",
          headers = { "Content-Type: application/json" },
        }
        assert.equal(method .. " /echo HTTP/1.1", line)
        assert.equal("3", headers["content-length"])
        assert.equal("application/json", headers["content-type"])
        assert.is_nil(headers.expect)
        assert.equal("{\0}", body)
      end)
    end

    it("without a body says length 0 only where one is expected", function()
      for method, length in pairs { POST = "0", PUT = "0", PATCH = "0" } do
        local _, headers = echo { method = method }
        assert.equal(length, headers["content-length"])
        assert.is_nil(headers["content-type"])
      end
      local line, headers = echo { method = "DELETE" }
      assert.equal("DELETE /echo HTTP/1.1", line)
      assert.is_nil(headers["content-length"])
    end)

    it("does not ask before it sends a large body", function()
      local big = ("x"):rep(3 * 1024 * 1024)
      local _, headers, body = echo { method = "POST", body = big }
      assert.is_nil(headers.expect)
      assert.is_true(body == big)
    end)

    it("leaves the path as it is", function()
      local text = assert(exchange { path = "/a/../b/./c%2e" }).body
      assert.equal("GET /a/../b/./c%2e HTTP/1.1", text:match "^[^\r]*")
    end)

    it("carries the credential, which does not show", function()
      local credential = assert(core.credential("Basic", "user", "k\195\169y"))
      local _, headers = echo { credential = credential }
      assert.equal("Basic dXNlcjprw6l5", headers.authorization)
      assert.equal(headers.authorization, credential:header())
      assert.equal("sendcloud.credential (hidden)", tostring(credential))
      assert.equal(false, getmetatable(credential))
      assert.same({ "k\195\169y", credential:header():match("%S+$"), "user" },
        { credential:secrets() })
      credential:close()
      credential:close()
      assert.is_nil(credential:header())
      assert.is_nil((credential:secrets()))
      local _, failure = exchange { path = "/echo", credential = credential }
      assert.equal("config", failure.kind)
    end)

    it("encodes every length of credential", function()
      for key, want in pairs { [""] = "dTo=", k = "dTpr", kk = "dTpraw==", kkk = "dTpra2s=" } do
        assert.equal("Bearer " .. want, core.credential("Bearer", "u", key):header())
      end
    end)

    it("refuses what a credential cannot be made of", function()
      local bad = { { "a:b", "k" }, { "a\n", "k" }, { "a", "k\r" }, { "a", "k\0" }, { "a\0", "k" } }
      for _, pair in ipairs(bad) do
        local credential, wrong = core.credential("Basic", pair[1], pair[2])
        assert.is_nil(credential)
        assert.equal("string", type(wrong))
      end
      assert.has_error(function()
        core.credential("Ba sic", "a", "b")
      end)
    end)

    local credential = core.credential("Basic", "user", "key")
    local refused = {
      ["a method with a line break"] = { method = "GET / HTTP/1.1\r\nX: y" },
      ["an empty method"] = { method = "" },
      ["a method with NUL"] = { method = "GET\0" },
      ["a URL with a line break"] = { url = "http://127.0.0.1/\r\nX: y" },
      ["a URL with a space"] = { url = "http://127.0.0.1/a b" },
      ["a URL with NUL"] = { url = "http://127.0.0.1/\0" },
      ["an empty URL"] = { url = "" },
      ["another scheme"] = { url = "file:///etc/passwd" },
      ["a URL with a password"] = { url = "http://mark-user:mark-secret@127.0.0.1/" },
      ["a header with a line break"] = { headers = { "X: a\r\nY: b" } },
      ["a header with a bare LF"] = { headers = { "X: a\nY: b" } },
      ["a header with NUL"] = { headers = { "X: a\0" } },
      ["a header without a colon"] = { headers = { "X" } },
      ["a header without a name"] = { headers = { ": x" } },
      ["a header name with a space"] = { headers = { "X Y: z" } },
      ["a length of the caller's"] = { headers = { "content-length: 3" } },
      ["a transfer coding of the caller's"] = { headers = { "Transfer-Encoding: chunked" } },
      ["a second Authorization"] = { headers = { "authorization: x" }, credential = credential },
      ["a user agent with a line break"] = { user_agent = "a\r\nX: y" },
      ["a proxy with a line break"] = { proxy = "http://127.0.0.1\r\n" },
    }
    for what, request in pairs(refused) do
      it("with " .. what .. " is refused", function()
        request.path = "/echo"
        local response, failure = exchange(request)
        assert.is_nil(response)
        assert.equal("config", failure.kind)
        assert.equal("not_sent", failure.outcome)
        assert.is_nil(failure.message:find "mark")
      end)
    end

    it("that is no request raises", function()
      for _, request in ipairs {
        {},
        { method = "GET" },
        { method = 1, url = "http://x/" },
        { method = "GET", url = "http://x/", body = {} },
        { method = "GET", url = "http://x/", headers = "X: y" },
        { method = "GET", url = "http://x/", headers = { 1 } },
        { method = "GET", url = "http://x/", credential = "Basic x" },
        { method = "GET", url = "http://x/", timeout = "1" },
        { method = "GET", url = "http://x/", into = "x" },
      } do
        assert.has_error(function()
          engine:add(request)
        end)
      end
    end)

    it("with no time left is not sent", function()
      for _, seconds in ipairs { 0, -1, 0 / 0 } do
        local _, failure = exchange { path = "/echo", timeout = seconds }
        assert.same({ "timeout", "not_sent" }, { failure.kind, failure.outcome })
      end
    end)
  end)

  describe("a buffer", function()
    it("cannot be changed while it is on its way", function()
      local body = core.buffer()
      local into = core.buffer()
      local transfer = engine:add { method = "POST", url = peer.url .. "/hang", body = body, into = into }
      engine:step(0)
      for _, buffer in ipairs { body, into } do
        assert.has_error(function()
          buffer:clear()
        end)
        assert.has_error(function()
          engine:add { method = "POST", url = peer.url .. "/echo", body = buffer }
        end)
      end
      transfer:cancel()
      assert.is_nil((transfer:result()))
      body:clear()
      into:clear()
    end)

    it("takes the answer, and can be sent again", function()
      local into = core.buffer()
      local response = assert(exchange { method = "POST", path = "/echo", body = "hello", into = into })
      assert.equal(into, response.body)
      assert.truthy(tostring(into):find "\r\n\r\nhello$")
      local first = tostring(into)
      response = assert(exchange { method = "POST", path = "/echo", body = into })
      assert.equal(first, response.body:match "\r\n\r\n(.*)$")
      into:clear()
    end)

    it("is the answer's cap", function()
      local body, into = ("x"):rep(1000), core.buffer(999)
      local _, failure = exchange { method = "POST", path = "/echo", body = body, into = into }
      assert.equal("protocol", failure.kind)
    end)

    it("that nobody holds is freed while it is on its way", function()
      engine:add { method = "POST", url = peer.url .. "/hang", body = core.buffer(), into = core.buffer() }
      engine:step(0)
      collectgarbage()
      collectgarbage()
      assert.equal(0, engine:count())
    end)

    it("cannot be body and answer at once", function()
      local buffer = core.buffer()
      assert.has_error(function()
        engine:add { method = "POST", url = peer.url .. "/echo", body = buffer, into = buffer }
      end)
    end)
  end)

  describe("finished()", function()
    it("tells the tags of what is done, in that order, each once", function()
      local url, kept = peer.url .. "/delay/", {}
      for tag, delay in ipairs { 60, 30, 0 } do
        kept[tag] = assert(engine:add({ method = "GET", url = url .. delay }, tag))
      end
      kept[4] = assert(engine:add { method = "GET", url = url .. 0 }) -- nobody asks
      while engine:count() > 0 do
        engine:step(1)
      end
      assert.is_true(kept[4]:done())
      assert.same({ 3, 2, 1, nil },
        { engine:finished(), engine:finished(), engine:finished(), engine:finished() })
    end)

    it("tells of a cancelled one, and of none that is gone", function()
      local request = { method = "GET", url = peer.url .. "/hang" }
      local kept = assert(engine:add(request, 7))
      assert(engine:add(request, 8))
      collectgarbage()
      collectgarbage()
      kept:cancel()
      assert.equal(7, engine:finished())
      assert.is_nil(engine:finished())
      assert.has_error(function() engine:add(request, -1) end)
    end)
  end)

  describe("an answer", function()
    local function raw(bytes, request)
      peer.put("answer", bytes)
      request = request or {}
      request.path = "/raw/answer"
      return exchange(request)
    end

    it("has lower-case headers, several of a name joined", function()
      local headers = "Retry-After:  7 \r\nX-A: 1\r\nx-a:2\r\nContent-Length: 2\r\n\r\n"
      local response = assert(raw("HTTP/1.1 429 Slow\r\n" .. headers .. "hi"))
      assert.equal(429, response.status)
      assert.equal("hi", response.body)
      assert.same({ ["retry-after"] = "7", ["x-a"] = "1, 2", ["content-length"] = "2" }, response.headers)
      assert.equal("429", tostring(response.status))
    end)

    it("is the last one, without interim headers and trailers", function()
      local response = assert(raw(table.concat {
        "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: 1\r\n\r\n",
        "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n",
      }))
      assert.equal(200, response.status)
      assert.equal("abc", response.body)
      assert.is_nil(response.headers["x-interim"])
      assert.is_nil(response.headers["x-trailer"])
      assert.equal("1", response.headers.x)
    end)

    it("of a redirect is not followed", function()
      local found = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s/echo\r\n\r\n"
      local response = assert(raw(found:format(peer.url)))
      assert.equal(302, response.status)
      assert.equal(peer.url .. "/echo", response.headers.location)
    end)

    it("to HEAD has no body", function()
      local response = assert(raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", { method = "HEAD" }))
      assert.equal("", response.body)
    end)

    it("may be empty", function()
      assert.equal("", assert(raw "HTTP/1.1 204 No Content\r\n\r\n").body)
    end)

    local function gzip(bytes)
      peer.put("plain", bytes)
      local name = os.tmpname()
      local out = assert(io.open(name, "wb"))
      out:write(bytes)
      out:close()
      local pipe = assert(io.popen("gzip -c " .. name))
      local packed = pipe:read "*a"
      pipe:close()
      os.remove(name)
      local head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
      return head:format(#packed) .. packed
    end

    it("is unpacked", function()
      local text = ("squeeze "):rep(10000)
      assert.is_true(assert(raw(gzip(text))).body == text)
    end)

    it("is capped after unpacking", function()
      local response, failure = raw(gzip(("\0"):rep(2000000)), { max_body = 1000000 })
      assert.is_nil(response)
      assert.same({ "protocol", "unknown", "receive" }, { failure.kind, failure.outcome, failure.place })
      assert.truthy(failure.message:find("1000000 bytes", 1, true))
    end)

    it("can be waited for alone", function()
      local slow = engine:add { method = "GET", url = peer.url .. "/delay/20" }
      local hanging = engine:add { method = "GET", url = peer.url .. "/hang" }
      while not engine:await(5, slow) do end
      assert.equal(200, slow:result().status)
      assert.is_true(engine:await(5, slow)) -- at once
      assert.is_false(engine:await(0, hanging))
      assert.has_error(function() engine:await(0, {}) end)
      hanging:cancel()
      assert.is_true(engine:await(5, hanging))
    end)

    it("gives the same result when asked again, and raises when asked too early", function()
      local transfer = engine:add { method = "GET", url = peer.url .. "/echo" }
      assert.has_error(function()
        transfer:result()
      end)
      while not transfer:done() do
        engine:step(1)
      end
      assert.equal(transfer:result(), transfer:result())
    end)

    describe("read by a shape", function()
      local shape = core.shape { type = "record", mark = "thing",
        { name = "id", type = "string", required = true } }
      local marks = { thing = { __metatable = "thing" } }

      local function answered(status, body, into)
        peer.put("shaped", ("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s"):format(status, #body, body))
        local transfer = assert(engine:add { method = "GET", url = peer.url .. "/keep/shaped", into = into })
        assert.is_nil(transfer:read(shape, marks))
        while not transfer:done() do engine:step(1) end
        return transfer
      end

      it("is the value, and the transfer is over", function()
        local transfer = answered(201, '{"id":"a\\u00e9b","more":[1,{}]}')
        local value = transfer:read(shape, marks)
        assert.equal("aéb", value.id)
        assert.equal("thing", getmetatable(value))
        assert.is_nil(transfer:read(shape, marks))
        assert.is_true(transfer:done())
        assert.has_error(function() transfer:result() end)
        transfer:cancel()
      end)

      it("is nothing where it is no such answer, which is still there", function()
        for _, case in ipairs { { 404, '{"id":"x"}' }, { 302, '{"id":"x"}' }, { 200, "" }, { 200, "{" },
          { 200, '{"id":null}' }, { 200, '{"id":"x"} x' }, { 200, "null" } } do
          local transfer = answered(case[1], case[2])
          assert.is_nil(transfer:read(shape, marks))
          local response = assert(transfer:result())
          assert.same(case, { response.status, response.body })
          assert.is_nil(transfer:read(shape, marks))
        end
        local into = core.buffer()
        local transfer = answered(200, '{"id":"x"}', into)
        assert.is_nil(transfer:read(shape, marks))
        assert.equal(into, transfer:result().body)
      end)

      it("wants a shape and metatables", function()
        local transfer = answered(200, "{}")
        assert.has_error(function() transfer:read(nil, marks) end)
        assert.has_error(function() transfer:read(shape) end)
        assert.has_error(function() transfer:read(transfer, marks) end)
      end)
    end)

    local ok = "HTTP/1.1 200 OK\r\n"
    local bad = {
      ["too long a header"] = { ok .. ("X: " .. ("y"):rep(1000) .. "\r\n"):rep(80) .. "\r\n", "protocol" },
      ["interim answers without end"] = { ("HTTP/1.1 100 C\r\nX: y\r\n\r\n"):rep(20000), "protocol" },
      ["no HTTP"] = { "SSH-2.0-OpenSSH_9.2\r\n", "protocol" },
      ["too short a body"] = { ok .. "Content-Length: 10\r\n\r\nshort", "network" },
      ["a broken chunk"] = { ok .. "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", "network" },
      ["a chunked body without end"] = { ok .. "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "network" },
      ["broken gzip"] = { ok .. "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "protocol" },
      ["an unknown coding"] = { ok .. "Content-Encoding: x\r\nContent-Length: 4\r\n\r\nnope", "protocol" },
      ["nothing"] = { "", "network" },
      ["half a status line"] = { "HTTP/1.", "network" },
    }
    for what, case in pairs(bad) do
      it("of " .. what .. " is a failure of unknown outcome", function()
        local response, failure = raw(case[1])
        assert.is_nil(response)
        assert.same({ case[2], "unknown" }, { failure.kind, failure.outcome })
        assert.truthy(failure.message:find("127.0.0.1:" .. peer.port, 1, true))
      end)
    end
  end)
end)
