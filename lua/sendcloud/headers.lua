--- Headers of columns: the words people use for the parts of a member, and how a field's
--- column is called so that it is read back as that field.

local space = require "sendcloud.space"

local headers = {}

-- What the parts of a member are called, as it is after `plain`.
local KNOWN = {
  email = {
    "email", "emails", "mail", "emailaddress", "mailaddress", "emailid",
    "邮箱", "邮箱地址", "电子邮箱", "电子邮件", "电子邮件地址", "邮件", "邮件地址", "email地址",
    "信箱", "電子郵件", "電子郵件地址", "電子信箱", "郵箱", "郵件地址",
  },
  phone = {
    "phone", "phonenumber", "phoneno", "mobile", "mobilephone", "mobilenumber", "tel",
    "telephone", "telephonenumber", "cell", "cellphone",
    "电话", "电话号码", "手机", "手机号", "手机号码", "联系电话", "移动电话",
    "電話", "電話號碼", "手機", "手機號", "手機號碼", "聯絡電話",
  },
  name = {
    "name", "fullname", "nickname", "displayname", "contactname",
    "姓名", "名字", "名称", "昵称", "联系人", "名稱", "暱稱", "聯絡人",
  },
  tags = {
    "tags", "tag", "tagnames", "label", "labels",
    "标签", "标签名", "标签名称", "標籤", "標籤名稱",
  },
}

local PART = {} -- plain header -> part
for part, words in pairs(KNOWN) do
  for _, word in ipairs(words) do PART[word] = part end
end

-- Keys of a member as the library gives it: read back they say nothing new.
local OWN = {
  id = true, tag_ids = true, list_id = true, user_id = true, create_time = true,
  update_time = true, unsubscribe_time = true, create_time_fmt = true,
  update_time_fmt = true, unsubscribe_time_fmt = true,
}

local FIELD = "^fields%.(.+)$"

--- A header without what people write differently.
---@param header string
---@return string
function headers.plain(header)
  return (header:lower():gsub("[%s_%-.:*()]+", ""):gsub("\239\188\154$", ""))
end

--- The part of a member that a header means, or nil.
---@param header string
---@return "email"|"phone"|"name"|"tags"|nil
function headers.part(header)
  return PART[headers.plain(header)]
end

--- Whether it is the name of such a part.
---@param name any
---@return boolean
function headers.is_part(name)
  return KNOWN[name] ~= nil
end

--- Whether it is a key of a member as the library gives it, beside parts and fields.
---@param key any
---@return boolean
function headers.is_own(key)
  return OWN[key] ~= nil
end

--- The X of `fields.X`, or nil.
---@param name string
---@return string|nil
function headers.field(name)
  return name:match(FIELD)
end

--- The header of a field's column, such that it is read back as that field.
---@param field string
---@return string
function headers.of_field(field)
  local taken = headers.part(field) or OWN[field] or field:find("^fields%.")
    or field ~= space.trim(field)
  return taken and "fields." .. field or field
end

return headers
