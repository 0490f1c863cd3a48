describe("lazy", function()
  local lazy = require "sendcloud.lazy"
  local loaded = {}
  after_each(function()
    package.preload["sendcloud.spec_lazy"], package.loaded["sendcloud.spec_lazy"] = nil, nil
    loaded = {}
  end)
  before_each(function()
    package.preload["sendcloud.spec_lazy"] = function(name)
      loaded[#loaded + 1] = name
      return { one = 1, two = function() return 2 end }
    end
  end)

  it("loads a module when something in it is asked for, once", function()
    local module = lazy.require "sendcloud.spec_lazy"
    assert.same({}, loaded)
    assert.equal(1, module.one)
    assert.equal(2, module.two())
    assert.is_nil(module.three)
    assert.same({ "sendcloud.spec_lazy" }, loaded)
  end)

  it("gives a module that is there already", function()
    local module = require "sendcloud.spec_lazy"
    assert.equal(module, lazy.require "sendcloud.spec_lazy")
  end)

  it("loads at once inside nginx", function()
    rawset(_G, "ngx", {})
    local module = lazy.require "sendcloud.spec_lazy"
    rawset(_G, "ngx", nil)
    assert.equal(1, rawget(module, "one"))
  end)

  it("keeps a program that makes one call from loading what it does not use", function()
    local script = [[local sendcloud = require "sendcloud"
      local client = sendcloud.new { api_user = "u", api_key = "kkkk", transport = function()
        return { status = 200, body = "{\"id\":\"1\",\"email\":\"a@b.c\"}" } end }
      assert(client.members:get("1"))
      for name in pairs(package.loaded) do
        if name:find("^sendcloud%%.") then io.write(name, " ") end
      end]]
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write((script:gsub("%%%%", "%%")))
    file:close()
    local pipe = assert(io.popen((os.getenv "SENDCLOUD_LUA" or "lua5.4") .. " " .. path))
    local names = " " .. pipe:read("*a")
    pipe:close()
    os.remove(path)
    assert.truthy(names:find(" sendcloud.call ", 1, true))
    for _, name in ipairs { "condition", "pages", "import", "export", "policy", "request", "cli" } do
      assert.falsy(names:find(" sendcloud." .. name .. " ", 1, true), name)
    end
  end)
end)
