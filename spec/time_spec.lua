local parse = require("sendcloud.time").parse

describe("sendcloud.time", function()
  it("reads what the documents print", function()
    -- The ids in the same samples begin with the second of creation, in hexadecimal.
    local samples = {
      ["2022-06-01 19:15:42"] = 0x62974a5e, ["2022-05-31 12:08:41"] = 0x629594c9,
      ["2022-05-05 09:49:49"] = 0x62732d3d, ["2021-04-25 18:54:56"] = 0x60854a80,
      ["2022-05-06 17:28:49"] = 0x6274ea51, ["2023-11-28T18:30:02+0800"] = 0x6565c12a,
    }
    for text, seconds in pairs(samples) do assert.equal(seconds, parse(text)) end
    assert.equal(parse "2022-06-01 00:00:00", parse "2022-06-01")
  end)

  it("reads every spelling of one second", function()
    for _, text in ipairs {
      "2001-09-09 09:46:40", "2001-09-09T09:46:40", "2001-09-09t09:46:40", "2001-09-09 01:46:40Z",
      "2001-09-09T01:46:40z", "2001-09-09T01:46:40+0000", "2001-09-09T01:46:40-00:00",
      "2001-09-09T09:46:40+08:00", "2001-09-08T20:16:40-0530", "2001-09-09T07:31:40+05:45",
      "2001-09-09T09:46:40.000", "2001-09-09T01:46:40.0Z",
    } do
      assert.equal(1000000000, parse(text))
    end
  end)

  it("keeps fractions", function()
    assert.equal(1000000000.5, parse "2001-09-09 09:46:40.5")
    assert.equal(1000000000.125, parse "2001-09-09T01:46:40.125Z")
  end)

  it("gives an integer where the language has them", function()
    if math.type then assert.equal("integer", math.type(parse "2001-09-09 09:46:40")) end
  end)

  it("knows the calendar", function()
    assert.equal(0, parse "1970-01-01T00:00:00Z")
    assert.equal(-1, parse "1969-12-31T23:59:59Z")
    assert.equal(951782400, parse "2000-02-29T00:00:00Z")
    assert.equal(951868800, parse "2000-03-01T00:00:00Z")
    assert.equal(4107542400, parse "2100-03-01T00:00:00Z")
    assert.equal(253402300799, parse "9999-12-31T23:59:59Z")
    assert.equal(-62135596800, parse "0001-01-01T00:00:00Z")
    local day = parse "1999-12-31T00:00:00Z"
    for month = 1, 12 do
      for date = 1, 31 do
        local seconds = parse(("2000-%02d-%02dT00:00:00Z"):format(month, date))
        if seconds then
          assert.equal(day + 86400, seconds)
          day = seconds
        end
      end
    end
    assert.equal(parse "2000-12-31T00:00:00Z", day)
  end)

  it("is nil for what is no time", function()
    for _, text in ipairs {
      "", " ", "jnntba", "2022", "2022-06", "2022-6-1", "22-06-01", "2022-00-01", "2022-13-01",
      "2022-06-00", "2022-06-31", "2021-02-29", "1900-02-29", "0000-01-01", "2022/06/01",
      "2022-06-01 ", " 2022-06-01", "2022-06-01T", "2022-06-01Z", "2022-06-01 19:15",
      "2022-06-01 24:00:00", "2022-06-01 19:60:00", "2022-06-01 19:15:60", "2022-06-01  19:15:42",
      "2022-06-01 19:15:42.", "2022-06-01 19:15:42123", "2022-06-01 19:15:42.5.5",
      "2022-06-01 19:15:42+08", "2022-06-01 19:15:42+8:00", "2022-06-01 19:15:42 +0800",
      "2022-06-01 19:15:42+2400", "2022-06-01 19:15:42+0860", "2022-06-01 19:15:42UTC",
      "2022-06-01 19:15:42+0800x", "2022-06-01\n19:15:42", "-022-06-01", "2022-06-01 -1:15:42",
      "2022-06-01 19:15:42\0", "20220601191542",
    } do
      assert.is_nil(parse(text))
    end
    for _, value in ipairs { 0, 1654082142, true, {}, print } do assert.is_nil(parse(value)) end
    assert.is_nil(parse(nil))
    assert.is_nil(parse(false))
  end)

  it("does not ask the machine for its time zone", function()
    local saved = { os.time, os.date }
    local function fail() error "asked the machine" end
    os.time, os.date = fail, fail -- luacheck: ignore
    local ok, seconds = pcall(parse, "2001-09-09 09:46:40")
    os.time, os.date = saved[1], saved[2] -- luacheck: ignore
    assert.is_true(ok)
    assert.equal(1000000000, seconds)
  end)
end)
