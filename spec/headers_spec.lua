describe("headers", function()
  local headers = require "sendcloud.headers"

  it("know the parts of a member in both languages, whatever the case and the marks", function()
    for header, part in pairs {
      ["E-Mail Address"] = "email", ["邮箱："] = "email", MOBILE_PHONE = "phone", ["姓名"] = "name",
      [" Tags "] = "tags",
    } do
      assert.equal(part, headers.part(header))
    end
    assert.is_nil(headers.part "City")
  end)

  it("tell a part's own name from what it may be called", function()
    assert.is_true(headers.is_part "email")
    assert.is_false(headers.is_part "mail")
  end)

  it("know a member's other keys", function()
    assert.is_true(headers.is_own "create_time")
    assert.is_false(headers.is_own "City")
  end)

  it("take a field out of fields.X", function()
    assert.equal("Age", headers.field "fields.Age")
    assert.is_nil(headers.field "Age")
    assert.is_nil(headers.field "fields.")
  end)

  it("give a field's column a header that is read back as that field", function()
    for field, header in pairs {
      City = "City", email = "fields.email", Mobile = "fields.Mobile", id = "fields.id",
      [" City"] = "fields. City", ["fields.X"] = "fields.fields.X",
    } do
      assert.equal(header, headers.of_field(field))
    end
  end)
end)
