local config = require "sendcloud.config"

local function with(changes)
  local options = { api_user = "user", api_key = "key-1234" }
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end

local function refused(changes, parameter, part)
  local found, err = config.check(with(changes))
  assert.is_nil(found)
  assert.equal("config", err.kind)
  assert.equal(parameter, err.parameter)
  assert.truthy(err.message:find(part or parameter, 1, true), err.message)
  return err
end

describe("options", function()
  it("have the documented defaults", function()
    local found, user, key = config.check(with())
    assert.equal("user", user)
    assert.equal("key-1234", key)
    assert.equal("sendcloud", found.provider.name)
    assert.equal("https://api2.sendcloud.net", found.base_url)
    assert.same({ 30, 5, 120, 8 },
      { found.timeout, found.connect_timeout, found.deadline, found.concurrency })
    assert.same({ attempts = 5, base = 0.25, cap = 20 }, found.retry)
  end)

  it("never keep the credentials", function()
    local found = config.check(with())
    for name, value in pairs(found) do
      assert.is_false(value == "key-1234" or value == "user", name)
    end
  end)

  it("may leave out retries and the deadline", function()
    local found = config.check(with { retry = false, deadline = false })
    assert.equal(1, found.retry.attempts)
    assert.is_nil(found.deadline)
    assert.is_nil((config.check(with { deadline = math.huge })).deadline)
    assert.same({ attempts = 2, base = 0.25, cap = 20 },
      config.check(with { retry = { attempts = 2 } }).retry)
  end)

  it("name the nearest when unknown", function()
    refused({ timout = 3 }, "timout", 'did you mean "timeout"')
    refused({ apikey = "x" }, "apikey", '"api_key"')
    refused({ retry = { atempts = 3 } }, "retry.atempts", '"attempts"')
    refused({ [1] = "x" }, "1")
  end)

  for name, values in pairs {
    timeout = { 0, -1, "30", 0 / 0, math.huge },
    connect_timeout = { 0, {} },
    deadline = { 0, -5, "x", true },
    retry = { 5, true, { attempts = 0 }, { attempts = 1.5 }, { base = -1 }, { cap = "x" } },
    rate = { 0, -1, "10" },
    concurrency = { 0, 1.5, 1001, "8" },
    provider = { "mailgun", 5, {}, "" },
    user_agent = { "a\r\nX: y", "", 7 },
    proxy = { "http://p\n", 7 },
    ca_file = { 5, "" },
    insecure_http = { 1 },
    reconcile = { "yes" },
    region = { 5, "" },
    transport = { "carrier pigeon", "function", {} },
  } do
    it("refuse a wrong " .. name, function()
      for _, value in ipairs(values) do
        local found, err = config.check(with { [name] = value })
        assert.is_nil(found)
        assert.equal("config", err.kind)
        assert.truthy(err.message:find(name, 1, true))
      end
    end)
  end
end)

describe("credentials", function()
  it("have no line breaks, no NUL, and no colon in the user", function()
    for _, key in ipairs { "a\rb", "a\nb", "a\0b", "", 5 } do
      local err = refused({ api_key = key }, "api_key")
      if type(key) == "string" and #key > 0 then
        assert.is_nil(err.message:find(key, 1, true))
      end
    end
    for _, user in ipairs { "a:b", "a\rb", "a\nb", "a\0b", "" } do
      refused({ api_user = user }, "api_user")
    end
  end)

  it("have an end", function()
    for name, other in pairs { api_user = "api_key", api_key = "api_user" } do
      local client, err = require("sendcloud").new { [name] = ("x"):rep(5000), [other] = "y" }
      assert.is_nil(client)
      assert.same({ "config", true }, { err.kind, err.message:find("at most 4096 bytes", 1, true) ~= nil })
    end
  end)

  it("that lack are named", function()
    local found, err = config.check { api_user = "user" }
    assert.is_nil(found)
    assert.equal("api_key", err.parameter)
    assert.truthy(err.message:find("SENDCLOUD_API_KEY", 1, true))
  end)

  it("that are empty are told from those that lack", function()
    for _, name in ipairs { "api_user", "api_key", "base_url", "user_agent" } do
      refused({ [name] = "" }, name, "must not be empty")
    end
  end)
end)

describe("the environment", function()
  local getenv = os.getenv
  local environment
  before_each(function()
    environment = {}
    os.getenv = function(name) return environment[name] end -- luacheck: ignore 122
  end)
  after_each(function()
    os.getenv = getenv -- luacheck: ignore 122
  end)

  it("is asked when there are no credentials", function()
    environment = {
      SENDCLOUD_PROVIDER = "engagelab", SENDCLOUD_API_USER = "u", SENDCLOUD_API_KEY = "k",
      SENDCLOUD_BASE_URL = "http://127.0.0.1:8080/",
    }
    local found, user, key = config.check {}
    assert.same({ "engagelab", "http://127.0.0.1:8080", "u", "k" },
      { found.provider.name, found.base_url, user, key })
  end)

  it("is not asked when there are", function()
    environment = { SENDCLOUD_PROVIDER = "engagelab", SENDCLOUD_BASE_URL = "http://127.0.0.1" }
    local found = config.check(with())
    assert.equal("sendcloud", found.provider.name)
    assert.equal("https://api2.sendcloud.net", found.base_url)
  end)

  it("does not complete credentials of which half was given", function()
    environment = { SENDCLOUD_API_USER = "u", SENDCLOUD_API_KEY = "k" }
    local found, err = config.check { api_user = "another" }
    assert.is_nil(found)
    assert.equal("api_key", err.parameter)
    assert.truthy(err.message:find("api_key is missing: give it too", 1, true), err.message)
  end)

  it("says what to set when it has nothing", function()
    local found, err = config.check {}
    assert.is_nil(found)
    assert.equal("config", err.kind)
    for _, word in ipairs { "api_user", "api_key", "SENDCLOUD_API_USER", "SENDCLOUD_API_KEY" } do
      assert.truthy(err.message:find(word, 1, true), word)
    end
  end)

  it("takes an empty variable for none", function()
    environment = { SENDCLOUD_API_USER = "", SENDCLOUD_API_KEY = "k" }
    local _, err = config.check {}
    assert.equal("api_user", err.parameter)
  end)

  it("does not send one provider's credentials to another's address", function()
    environment = {
      SENDCLOUD_PROVIDER = "sendcloud", SENDCLOUD_API_USER = "u", SENDCLOUD_API_KEY = "k",
      SENDCLOUD_BASE_URL = "http://127.0.0.1:8080",
    }
    assert.equal("https://email.api.engagelab.cc",
      (config.check { provider = "engagelab" }).base_url)
    assert.equal("https://emailapi-tr.engagelab.com",
      (config.check { provider = "engagelab", region = "tr" }).base_url)
  end)

  it("is checked like the options", function()
    environment = { SENDCLOUD_API_USER = "u", SENDCLOUD_API_KEY = "k\n" }
    local found, err = config.check {}
    assert.is_nil(found)
    assert.equal("api_key", err.parameter)
    environment = { SENDCLOUD_PROVIDER = "x", SENDCLOUD_API_USER = "u", SENDCLOUD_API_KEY = "k" }
    found, err = config.check {}
    assert.is_nil(found)
    assert.equal("provider", err.parameter)
  end)
end)

describe("base URLs", function()
  it("without a host say so", function()
    refused({ base_url = "https://" }, "base_url", "scheme://host")
  end)

  it("are https, or loopback", function()
    for given, kept in pairs {
      ["https://example.com"] = "https://example.com",
      ["HTTPS://Example.com:8443/x/"] = "https://example.com:8443/x",
      ["http://127.0.0.1:1"] = "http://127.0.0.1:1",
      ["http://127.1.2.3"] = "http://127.1.2.3",
      ["http://localhost:8080/"] = "http://localhost:8080",
      ["http://[::1]:80"] = "http://[::1]:80",
      ["https://[2001:db8::1]"] = "https://[2001:db8::1]",
    } do
      assert.equal(kept, (config.base_url(given)))
    end
  end)

  it("are nothing else", function()
    for _, url in ipairs {
      "http://example.com", "http://127.0.0.1.evil.com", "http://127.evil.com",
      "http://localhost.evil.com", "ftp://example.com", "example.com", "https://",
      "https://user:pw@example.com", "http://127.0.0.1@evil.com", "https://example.com?x",
      "https://example.com#x", "https://example.com:port", "https://exa mple.com",
      "https://example.com\n", "https:///path", "https://[::1", "http://127.0.0.1\\@evil.com",
      "https://example.com:0", "https://example.com:65536", "https://example.com:", "https://é.com",
      "https://a;b", "https://a'b", "https://a%00b", "https://<a>", "https://[1]", "https://[zz]",
      "https://a" .. ("/"):rep(1e6) .. "x", "http://127.0.0.999", "http://127.1", "http://0.0.0.0", "http://localhost.",
    } do
      assert.is_nil((config.base_url(url)), url)
    end
  end)

  it("may be plain http where the user insists", function()
    assert.equal("http://example.com", (config.base_url("http://example.com", true)))
    assert.equal("http://example.com",
      config.check(with { base_url = "http://example.com", insecure_http = true }).base_url)
    refused({ base_url = "http://example.com" }, "base_url", "insecure_http")
  end)

  it("do not show credentials they should not hold", function()
    local err = refused({ base_url = "https://me:hunter22@example.com" }, "base_url")
    assert.is_nil(tostring(err):find("hunter22", 1, true))
  end)

  it("come by region where the provider has some", function()
    assert.equal("https://emailapi-tr.engagelab.com",
      (config.check(with { provider = "engagelab", region = "tr" })).base_url)
    refused({ provider = "engagelab", region = "us" }, "region", '"sg", "tr"')
    refused({ region = "sg" }, "region")
    local both = { provider = "engagelab", region = "tr", base_url = "https://example.com" }
    assert.equal("https://example.com", (config.check(with(both))).base_url)
    both.region = "us"
    refused(both, "region")
  end)
end)
