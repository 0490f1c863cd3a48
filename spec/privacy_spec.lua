local privacy = require "sendcloud.privacy"

describe("text of the service", function()
  it("loses the local part of addresses", function()
    assert.equal("***@qq.com exists, so does \"***@x.org\"",
      privacy.mask_addresses('li.lei+1@qq.com exists, so does "b@x.org"'))
    assert.equal("***@例子", privacy.mask_addresses("李@例子"):sub(1, #"***@例子"))
    assert.equal("no address", privacy.mask_addresses("no address"))
    assert.equal("@ @x.org (***@x.org)@", privacy.mask_addresses("@ @x.org (a@x.org)@"))
  end)

  it("loses secrets, whatever signs they hold", function()
    local text = privacy.scrub("key k%d+[x] and k%d+[x] refused", { "k%d+[x]" })
    assert.equal("key *** and *** refused", text)
  end)

  it("loses the values that were sent", function()
    local sent = { members = { { name = "Marker-Name", fields = { city = "Marker-City" },
      tags = { "Marker-Tag" } } } }
    local text = privacy.scrub("bad Marker-Tag for Marker-Name in Marker-City", {}, sent)
    assert.equal("bad *** for *** in ***", text)
  end)

  it("keeps the name of a field that a condition asks about", function()
    local sent = { where = { relation = "and", items = { { field = "asge", op = "==",
      value = "secret" } } } }
    assert.equal("[asge] is not defined", privacy.scrub("[asge] is not defined", {}, sent))
    assert.equal("*** is too large", privacy.scrub("secret is too large", {}, sent))
  end)

  it("becomes one line, not too long, whole characters", function()
    assert.equal("two lines  [31m", privacy.scrub("two\r\nlines \27[31m", {}))
    local text = privacy.scrub("x" .. ("李"):rep(5000), {})
    assert.is_true(#text <= 2003 and #text > 1990)
    assert.truthy(require("sendcloud.core").utf8_length(text))
    assert.equal("…", text:sub(-#"…"))
  end)

  -- A search that takes time by the square of the length would take hours here.
  it("may be long", function()
    local many = ("a"):rep(2e6)
    assert.equal("***@" .. many, privacy.mask_addresses(many .. "@" .. many))
    assert.equal(many, privacy.mask_addresses(many))
  end)

  it("stands a table that holds itself", function()
    local loop = { name = "Marker" }
    loop.loop = loop
    assert.equal("***", privacy.scrub("Marker", {}, loop))
  end)
end)
