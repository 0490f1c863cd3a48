local condition = require "sendcloud.condition"
local errors = require "sendcloud.errors"

local where = condition.where
local OUTCOMES = {
  sent = "sent", opened = "open", clicked = "click",
  not_opened = "unopen", not_clicked = "unclick", not_sent = "notsent",
}
local MEMBERS = { exists = true }
local SEGMENT = { required = true, campaign = OUTCOMES }
local DELETE = { required = "it would delete everybody", everyone = true, exists = true }

local function items(value, rules)
  local plain, reason, parameter = condition.normalise(value, rules or MEMBERS)
  assert(plain, tostring(parameter) .. ": " .. tostring(reason))
  return plain.items, plain.relation
end

local function refused(value, rules)
  local plain, reason, parameter = condition.normalise(value, rules or MEMBERS)
  assert.is_nil(plain)
  assert.is_string(reason)
  return reason, parameter
end

local function raised(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return message
end

describe("a condition", function()
  it("is one item for each of the nine operators", function()
    local ops = {
      eq = "==", ne = "!=", gt = ">", ge = ">=", lt = "<", le = "<=",
      exists = "exist", contains = "contain", not_contains = "does not contain",
    }
    for method, op in pairs(ops) do
      local list, relation = items(where.Email[method](where.Email, "x"))
      assert.same({ { field = "Email", op = op, value = "x" } }, list)
      assert.equal("and", relation)
    end
  end)

  it("takes any name for a field", function()
    assert.equal("0517", items(where.field("0517"):contains "campaign-2022")[1].field)
    assert.equal("all", items(where.field("all"):eq "x")[1].field)
    assert.equal("生日", items(where["生日"]:eq "x")[1].field)
  end)

  it("joins by and with all, * and &", function()
    local a, b, c = where.Age:ge(18), where.tag:eq "vip", where.Name:ne ""
    local expected = {
      { field = "Age", op = ">=", value = "18" },
      { field = "tag", op = "==", value = "vip" },
      { field = "Name", op = "!=", value = "" },
    }
    for _, built in ipairs { where.all { a, b, c }, a * b * c, a * (b * c), where.all { a, b * c } } do
      local list, relation = items(built)
      assert.same(expected, list)
      assert.equal("and", relation)
    end
    local band = getmetatable(a).__band
    assert.equal("and", select(2, items(band(a, b))))
  end)

  it("joins by or with any, + and |", function()
    local a, b, c = where.Age:ge(18), where.tag:eq "vip", where.Name:ne ""
    for _, built in ipairs { where.any { a, b, c }, a + b + c, a + (b + c), where.any { a + b, c } } do
      local list, relation = items(built)
      assert.equal(3, #list)
      assert.equal("or", relation)
    end
    assert.equal("or", select(2, items(getmetatable(a).__bor(a, b))))
  end)

  it("has the operators of the language where there are some", function()
    local load_text = loadstring or load
    local chunk = load_text "local a, b = ...; return a & b, a | b"
    if not chunk then return end
    local both, either = chunk(where.Age:ge(18), where.Age:le(9))
    assert.equal("and", select(2, items(both)))
    assert.equal("or", select(2, items(either)))
  end)

  it("with one item fits into either relation", function()
    local one = where.all { where.Age:ge(18) }
    assert.equal("or", select(2, items(one + where.Age:le(9))))
    assert.equal("or", select(2, items(where.any { one })))
  end)

  it("is not changed by being joined", function()
    local a, b = where.Age:ge(18) * where.Age:le(30), where.tag:eq "vip"
    local _ = a * b
    assert.equal(2, #a.items)
  end)
end)

describe("a value", function()
  it("is sent as a string", function()
    local cases = {
      { 18, "18" }, { 18.0, "18" }, { -3, "-3" }, { 0, "0" }, { 1.5, "1.5" }, { -0.25, "-0.25" },
      { 0.1, "0.1" }, { 1e15, "1000000000000000" }, { 1e20, "100000000000000000000" },
      { 1.5e-7, "0.00000015" }, { 2.5e-5, "0.000025" }, { -1.25e22, "-12500000000000000000000" },
      { 2 ^ 53, "9007199254740992" }, { true, "true" }, { false, "false" }, { "12.0", "12.0" },
      { "", "" }, { "李磊", "李磊" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], items(where.Age:eq(case[1]))[1].value)
    end
  end)

  it("keeps integers of 64 bits where the language has them", function()
    if not math.maxinteger then return end
    assert.equal("9223372036854775807", items(where.Age:eq(math.maxinteger))[1].value)
    assert.equal("-9223372036854775808", items(where.Age:eq(math.mininteger))[1].value)
  end)

  it("reads back as the same number", function()
    for _, number in ipairs { 1 / 3, 123456.789, 1e-300, 1.7976931348623157e308, 5e-324, 2 ^ 70 + 2 ^ 40 } do
      local value = items(where.Age:eq(number))[1].value
      assert.equal(number, tonumber(value))
      assert.is_nil(value:find("[eE]"))
    end
  end)

  it("of exists may be left out", function()
    assert.equal("true", items(where.Phone:exists())[1].value)
    assert.equal("false", items(where.Phone:exists(false))[1].value)
  end)

  it("is refused when it says nothing", function()
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      local reason, parameter = refused(where.Age:ge(value))
      assert.equal("must be a finite number", reason)
      assert.equal("where.items[1].value", parameter)
    end
    assert.equal("required", (refused(where.Age:ge(nil))))
    assert.truthy(refused(where.Age:ge {}):find("string, a number or a boolean, got table", 1, true))
    assert.truthy(refused(where.Age:ge(print)):find("got function", 1, true))
  end)
end)

describe("a plain table", function()
  it("is taken in the place of a condition", function()
    local list, relation = items { relation = "or", items = {
      { field = "Age", op = "==", value = 18 }, { field = "Age", op = "ge", value = 65 },
    } }
    assert.same({
      { field = "Age", op = "==", value = "18" }, { field = "Age", op = ">=", value = "65" },
    }, list)
    assert.equal("or", relation)
  end)

  it("needs no relation for one item, and one for two", function()
    local item = { field = "Age", op = "==", value = 18 }
    assert.equal("and", select(2, items { items = { item } }))
    local reason, parameter = refused { items = { item, item } }
    assert.equal("required", reason)
    assert.equal("where.relation", parameter)
    assert.truthy(refused({ relation = "xor", items = { item } }):find("and", 1, true))
  end)

  it("stands beside conditions in all and any", function()
    local list = items(where.all {
      where.Age:ge(18), { field = "Age", op = "<", value = 30 },
      { relation = "and", items = { { field = "tag", op = "==", value = "vip" } } },
    })
    assert.equal(3, #list)
    assert.equal("tag", list[3].field)
  end)

  it("with an unknown key is refused, with the nearest known", function()
    local reason, parameter = refused { relation = "and", item = {} }
    assert.equal('unknown, did you mean "items"?', reason)
    assert.equal("where.item", parameter)
    reason, parameter = refused { items = { { field = "Age", opp = "==", value = 1 } } }
    assert.equal('unknown, did you mean "op"?', reason)
    assert.equal("where.items[1].opp", parameter)
  end)

  it("is checked item by item", function()
    local cases = {
      { {}, "required", "where.items[1].op" },
      { { op = "==", value = 1 }, "required", "where.items[1].field" },
      { { field = 1, op = "==", value = 1 }, "must be the name of a field", "where.items[1].field" },
      { { field = "", op = "==", value = 1 }, "must be the name of a field", "where.items[1].field" },
      { { field = "Age", op = "==" }, "required", "where.items[1].value" },
      { { field = "Age", op = "contian", value = 1 }, 'unknown, did you mean "contain"?',
        "where.items[1].op" },
      { { field = "Age", op = 7, value = 1 },
        'must be one of == != > >= < <= exist contain "does not contain"', "where.items[1].op" },
      { "Age", "must be an item { field =, op =, value = }, got string", "where.items[1]" },
      { where.Age, "an operator is missing", "where.items[1]" },
    }
    for _, case in ipairs(cases) do
      local reason, parameter = refused { items = { case[1] } }
      assert.equal(case[2], reason)
      assert.equal(case[3], parameter)
    end
  end)

  it("that is an item, or a list of them, is told where items go", function()
    local item = { field = "Age", op = "==", value = 1 }
    for _, value in ipairs { item, { item }, { relation = "and", item } } do
      local reason, parameter = refused(value)
      assert.truthy(reason:find("an item goes into items", 1, true), reason)
      assert.equal("where", parameter)
    end
  end)

  it("must hold a list", function()
    local item = { field = "Age", op = "==", value = 1 }
    local holes = { item, nil, item }
    assert.truthy(refused({ relation = "and", items = holes }):find("holes", 1, true))
    assert.truthy(refused({ relation = "and", items = { x = item } }):find("key x", 1, true))
    assert.equal("required", (refused { relation = "and" }))
    assert.truthy(refused({ items = "Age" }):find("list", 1, true))
  end)
end)

describe("refused", function()
  it("are 0 and 11 items", function()
    local list = {}
    for index = 1, 10 do list[index] = where.Age:eq(index) end
    assert.equal(10, #items(where.any(list)))
    list[11] = where.Age:eq(11)
    local reason, parameter = refused(where.any(list))
    assert.equal("at most 10 items, got 11", reason)
    assert.equal("where.items", parameter)
    for _, empty in ipairs { where.all {}, where.any {}, { items = {} } } do
      assert.equal("at least 1 item, got 0", (refused(empty)))
    end
  end)

  it("is a mixture of and and or", function()
    local a, b, c = where.Age:ge(1), where.Age:le(2), where.Age:eq(3)
    for _, mixed in ipairs {
      a * b + c, (a + b) * c, where.all { a + b, c }, where.any { a * b }, (a * b + c) + a,
      where.all { { relation = "or", items = { a.items[1], b.items[1] } }, c },
    } do
      local reason, parameter = refused(mixed)
      assert.equal("`and` and `or` cannot be mixed in one condition", reason)
      assert.equal("where", parameter)
    end
  end)

  it("is an empty one among others: left out, it would make the rest wider", function()
    local a = where.Age:ge(1)
    for _, joined in ipairs {
      a * where.any {}, where.any {} * a, where.all { where.any {}, a }, a + where.all {},
      where.all { a, { relation = "or", items = {} } }, where.any { where.all {} },
    } do
      local reason, parameter = refused(joined)
      assert.equal("a condition without items cannot be joined to others", reason)
      assert.equal("where", parameter)
    end
  end)

  it("is not printed as if it were whole", function()
    local a, b, c = where.Age:ge(1), where.Age:le(2), where.Age:eq(3)
    assert.equal("(no condition: `and` and `or` cannot be mixed in one condition)",
      tostring(a * b + c))
    assert.is_nil((where.parse(tostring(a * b + c))))
  end)

  it("is exists in a segment", function()
    local reason, parameter = refused(where.Phone:exists(), SEGMENT)
    assert.equal("`exists` cannot be used in a segment", reason)
    assert.equal("where.items[1].op", parameter)
    assert.truthy(refused(where.Phone:exists(), {}))
  end)

  it("is a campaign outside a segment", function()
    local reason, parameter = refused(where.campaign(1234):opened())
    assert.equal("a campaign can be used only in the condition of a segment", reason)
    assert.equal("where.items[1].field", parameter)
  end)

  it("is a list with a hole: what is dropped would make a condition wider", function()
    local a = where.Age:ge(1)
    assert.truthy(refused(where.all { a, nil, a }):find("holes", 1, true))
    assert.truthy(refused(where.all { a, x = a }):find("key x", 1, true))
    local holes = { relation = "and", items = { a.items[1], nil, a.items[1] } }
    assert.truthy(refused(where.all { holes }):find("holes", 1, true))
  end)

  it("is what is no condition", function()
    local cases = {
      [where.Email] = "an operator is missing", [where] = "an operator is missing",
      ["Age > 1"] = "where.parse", [7] = "got number", [false] = "got boolean",
    }
    for value, reason in pairs(cases) do
      assert.truthy(refused(value):find(reason, 1, true))
    end
  end)
end)

describe("no condition", function()
  it("is none to send, unless one is required", function()
    assert.is_nil(condition.normalise(nil, MEMBERS))
    assert.is_nil(select(2, condition.normalise(nil, MEMBERS)))
    local reason, parameter = refused(nil, DELETE)
    assert.equal("required: it would delete everybody", reason)
    assert.equal("where", parameter)
    assert.equal("required", (refused(nil, SEGMENT)))
    assert.equal("required: it would delete everybody", (refused({}, DELETE)))
    assert.equal("at least 1 item, got 0: it would delete everybody",
      (refused(where.any {}, DELETE)))
  end)

  it("is said with everyone", function()
    for _, rules in ipairs { MEMBERS, DELETE } do
      local plain, reason = condition.normalise(condition.everyone, rules)
      assert.is_nil(plain)
      assert.is_nil(reason)
    end
    assert.truthy(refused(condition.everyone, SEGMENT))
    assert.equal("everyone", tostring(condition.everyone))
  end)

  it("cannot be joined to a condition", function()
    assert.truthy(refused(condition.everyone * where.Age:ge(1), DELETE):find("everyone", 1, true))
    assert.truthy(refused(where.any { where.Age:ge(1), condition.everyone }, DELETE))
  end)
end)

describe("a campaign", function()
  it("has six outcomes, sent in the service's words", function()
    for name, wire in pairs(OUTCOMES) do
      local campaign = where.campaign(1234)
      assert.same({ { field = "campaign", op = "==", value = wire, campaign = 1234 } },
        (items(campaign[name](campaign), SEGMENT)))
    end
  end)

  it("makes a segment one by campaign", function()
    local plain = condition.normalise(where.campaign(1):sent() * where.campaign(2):not_opened(), SEGMENT)
    assert.equal("campaign", condition.kind(plain))
    assert.equal("field", condition.kind(condition.normalise(where.Age:ge(1), SEGMENT)))
  end)

  it("stands alone with its operator, its id and its outcomes", function()
    local cases = {
      { where.campaign(1):ne "opened", "the operator of a campaign must be ==", "op" },
      { where.field("campaign"):contains "x", "the operator of a campaign must be ==", "op" },
      { where.field("campaign"):eq "opened", 'required with the field "campaign"', "campaign" },
      { where.campaign(1):eq "seen",
        "must be one of sent, opened, clicked, not_opened, not_clicked, not_sent", "value" },
      { where.campaign(1.5):opened(), "must be the integer id of a campaign", "campaign" },
      { where.campaign(0 / 0):opened(), "must be the integer id of a campaign", "campaign" },
      { where.campaign(1 / 0):opened(), "must be the integer id of a campaign", "campaign" },
      { where.campaign("12x"):opened(), "must be the integer id of a campaign", "campaign" },
      { where.campaign(-1):opened(), "must be the integer id of a campaign", "campaign" },
      { where.campaign(2 ^ 53):opened(), "must be the integer id of a campaign", "campaign" },
      { { items = { { field = "Age", op = "==", value = "sent", campaign = 1 } } },
        'goes only with the field "campaign"', "campaign" },
    }
    for _, case in ipairs(cases) do
      local reason, parameter = refused(case[1], SEGMENT)
      assert.equal(case[2], reason)
      assert.equal("where.items[1]." .. case[3], parameter)
    end
  end)

  it("is not joined with fields", function()
    local reason, parameter = refused(where.campaign(1):opened() * where.Age:ge(1), SEGMENT)
    assert.equal("campaigns and fields cannot be in one condition", reason)
    assert.equal("where.items", parameter)
  end)

  it("takes its id as text too", function()
    assert.equal(1234, items(where.campaign("01234"):opened(), SEGMENT)[1].campaign)
  end)
end)

describe("text", function()
  local round_trips = {
    'Email contain "qq.com" and Age >= 18',
    'Email contain "qq.com"',
    '0517 contain "campaign-2022"',
    'Email contain "hotmail.com" or Phone contain 188',
    "Phone exist and Age < 50", 'Phone exist "false"',
    'Name does not contain "李磊"', 'tag != "vip"', 'Name == ""', "Age <= -4.5",
    '"first name" == "a"', '"and" == 1', 'or_ > 2', '"" == "x"',
    'Name == "say \\"hi\\"\\n\\ttab \\\\ end\\r"', 'Name == "it\'s"',
    "campaign(1234) opened", "campaign(1234) opened or campaign(5) not_sent",
    'campaign(1) != "opened"', 'campaign == "x"', 'Name == "12.0.1"', "Age == 007",
  }

  it("round trips", function()
    for _, source in ipairs(round_trips) do
      local parsed, err = where.parse(source)
      assert(parsed, tostring(err))
      assert.equal(source, tostring(parsed))
    end
  end)

  it("says the same as what was built", function()
    local built = where.Email:contains "qq.com" * where.Age:ge(18)
    assert.equal('Email contain "qq.com" and Age >= 18', tostring(built))
    assert.same({ items(built) }, { items(where.parse(tostring(built))) })
    assert.equal("campaign(7) not_clicked", tostring(where.campaign(7.0):not_clicked()))
  end)

  it("takes the spellings that are easily mixed up", function()
    local cases = {
      ["Age=18"] = "Age == 18", ["Age>=18 AND Age<30"] = "Age >= 18 and Age < 30",
      ["Age ~= 18"] = "Age != 18", ["Age <> 18"] = "Age != 18", ["Age ge 18"] = "Age >= 18",
      ["Email contains qq.com"] = 'Email contain "qq.com"',
      ["Email not contain qq.com"] = 'Email does not contain "qq.com"',
      ["Email not_contains qq.com"] = 'Email does not contain "qq.com"',
      ["Email  Does Not Contain  'qq.com'"] = 'Email does not contain "qq.com"',
      ["tag == vip | tag == new"] = 'tag == "vip" or tag == "new"',
      ["tag == vip||tag == new"] = 'tag == "vip" or tag == "new"',
      ["Age>1&Age<9"] = "Age > 1 and Age < 9", ["Phone exists"] = "Phone exist",
      ["campaign( 12 ) == opened"] = "campaign(12) opened", ["Name == 'and'"] = 'Name == "and"',
    }
    for source, expected in pairs(cases) do
      local parsed, err = where.parse(source)
      assert(parsed, source .. ": " .. tostring(err))
      assert.equal(expected, tostring(parsed))
    end
  end)

  it("names the place of what it cannot read", function()
    local cases = {
      [""] = "expected a field, found the end (at byte 1)",
      ["Age"] = "expected an operator after Age, found the end (at byte 4)",
      ["Age >="] = "expected a value, found the end (at byte 7)",
      ["Age >= and"] = "expected a value, found and (at byte 8)",
      ["Age => 18"] = "expected an operator after Age, found => (at byte 5)",
      ["Age is 18"] = "expected an operator after Age, found is (at byte 5)",
      ["Age > 1 Age < 2"] = "expected and, or, or the end (at byte 9)",
      ["Age > 1 and"] = "expected a field, found the end (at byte 12)",
      ["Age > 1 and Age < 2 or Age = 5"] = "`and` and `or` cannot be mixed in one condition (at byte 21)",
      ["(Age > 1)"] = "parentheses are not known: one relation joins all the items (at byte 1)",
      ['Name == "x'] = "the string that begins here does not end (at byte 9)",
      ['Name == "\\q"'] = [[an escape is one of \n \r \t \\ \" \' (at byte 10)]],
      ["campaign(x) opened"] = "a campaign's id is an integer (at byte 10)",
      ["campaign(1 opened"] = "expected ) after the campaign's id (at byte 12)",
      ["campaign("] = "expected the campaign's id, found the end (at byte 10)",
    }
    for source, expected in pairs(cases) do
      local parsed, err = where.parse(source)
      assert.is_nil(parsed)
      assert.is_true(errors.is(err))
      assert.equal("invalid", err.kind)
      assert.equal("where: " .. expected, err.message)
    end
  end)

  it("of any bytes never raises", function()
    local seed = 42
    local pieces = { "Age", " ", "and", "or", "(", ")", '"', "'", "\\", "==", "<", "campaign",
      "not", "does", "contain", "exist", "1", "\0", "\200", "&&", "|", "!" }
    for _ = 1, 2000 do
      local parts = {}
      for index = 1, 8 do
        seed = (seed * 1103515245 + 12345) % 2147483648
        parts[index] = pieces[math.floor(seed / 65536) % #pieces + 1]
      end
      local source = table.concat(parts)
      local parsed, err = where.parse(source)
      assert.equal(parsed == nil, err ~= nil)
      if parsed then
        assert.equal(tostring(parsed), tostring(where.parse(tostring(parsed))))
      end
    end
  end)
end)

describe("a segment's condition", function()
  local function segment()
    return {
      relation = "or",
      conditions = {
        { field = "campaign", op = "==", value = "unopen", campaign = 12 },
        { field = "campaign", op = "==", value = "later word", campaign = 13 },
        { field = "Name", op = "==", value = "open" },
      },
    }
  end

  it("is read back in Lua's words", function()
    local read = segment()
    condition.read_segment(read, OUTCOMES)
    assert.equal("not_opened", read.conditions[1].value)
    assert.equal("later word", read.conditions[2].value)
    assert.equal("open", read.conditions[3].value)
    assert.equal('campaign(12) not_opened or campaign(13) == "later word" or Name == "open"',
      tostring(condition.from_segment(read)))
  end)

  it("can be sent back, and joined", function()
    local built = condition.from_segment {
      relation = "and", conditions = { { field = "age", op = ">=", value = "13" },
        { field = "age", op = "<=", value = "45" } },
    }
    assert.equal("age >= 13 and age <= 45", tostring(built))
    assert.equal(3, #items(built * where.tag:eq "vip", SEGMENT))
  end)

  it("is none when there are no items", function()
    assert.is_nil(condition.from_segment { relation = "and", conditions = {} })
    assert.is_nil(condition.from_segment {})
  end)
end)

describe("a text that cannot be read", function()
  it("is not told whole", function()
    local _, err = where.parse(("a"):rep(1e5) .. " \27[31m")
    assert.equal("invalid", err.kind)
    assert.is_true(#err.message < 250)
    assert.is_nil(err.message:find("%c"))
  end)
end)

describe("misuse raises at the caller's line", function()
  it("of methods, lists, operators and names", function()
    local cases = {
      function() where.Email.eq("x") end,
      function() where.Email:opened() end,
      function() where.all("x") end,
      function() where.all(where.Age:ge(18), where.Age:le(30)) end,
      function() where.any { 1 } end,
      function() where.all { where.Email } end,
      function() return where.Age:eq(1) * 3 end,
      function() return where.Age:eq(1) + nil end,
      function() return where.Age + where.Age:eq(1) end,
      function() where.field(12) end,
      function() where.campaign({}) end,
      function() where.parse(nil) end,
      function() return where[1] end,
      function() where.Email = 1 end,
    }
    for _, case in ipairs(cases) do
      assert.truthy(raised(case):find("condition_spec.lua", 1, true))
    end
  end)
end)
