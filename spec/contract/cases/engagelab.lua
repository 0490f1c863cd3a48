--- EngageLab's six operations: how Lua says what the document's example does, and what its answer
-- is in Lua. `url` stands where the example contradicts the heading.

local where = require("sendcloud").where

local xjmfc = {
  phone = "13681312919", name = "朱锁锁", tags = { "testTag" },
  fields = { Birthday = "03/30", Age = "12", customField = "我的测试" },
}
local new_member = {
  email = "xjmfc@126.com", phone = xjmfc.phone, name = xjmfc.name, fields = xjmfc.fields,
  tags = xjmfc.tags,
}
local hotmail = where.Email:contains "hotmail.com" + where.Phone:contains "188"

return {
  engagelab_members = {
    ["members.upsert"] = {
      call = function(client)
        return client.members:upsert({ new_member },
          { tag_mode = "replace", update_existing = true })
      end,
      parameters = { members = { new_member }, tag_mode = 0, update_existing = true },
      result = {
        inserted = {
          { email = "202205ab233444444444446@qq.com", id = "6294b0fa490f33c5ee3b5b0c" },
          { email = "202205ab3331@qq.com", id = "6294b0fa490f33c5ee3b5b0d" },
        },
        updated = {
          { email = "202205ab233444444444447@qq.com", id = "6294b0fa490f33c5ee3b5b1c" },
          { email = "202205ab3332@qq.com", id = "6294b0fa490f33c5ee3b5b1d" },
        },
        errors = {
          { email = "202205ab233444444444446@qq.com", message = "..." },
          { email = "202205ab3331@qq.com", message = "..." },
        },
        inserted_count = 2, updated_count = 2, error_count = 2,
      },
    },
    ["members.delete"] = {
      call = function(client) return client.members:delete("8") end,
      parameters = { id = "8" }, result = true,
    },
    ["members.delete_where"] = {
      call = function(client) return client.members:delete_where(hotmail) end,
      parameters = { where = hotmail }, result = 1,
    },
    ["members.update"] = {
      call = function(client)
        return client.members:update("62974a5e490f33c5eee647a2", xjmfc)
      end,
      parameters = {
        id = "62974a5e490f33c5eee647a2", phone = xjmfc.phone, name = xjmfc.name,
        fields = xjmfc.fields, tags = xjmfc.tags,
      },
      result = { id = "62974a5e490f33c5eee647a2" },
    },
    ["members.get"] = {
      call = function(client) return client.members:get("62974a5e490f33c5eee647a2") end,
      parameters = { id = "62974a5e490f33c5eee647a2" },
      result = {
        id = "6565c12a3b4e0d83d3f58ea0", list_id = 95964, email = "xjmfc@126.com",
        fields = { Birthday = "03/30", Age = "12" }, tag_ids = {}, tag_names = {},
        create_time = "2023-11-28T18:30:02+0800", update_time = "2023-11-30T16:44:44+0800",
      },
    },
    ["members.list"] = {
      call = function(client)
        return client.members:list {
          where = where.Email:contains "qq.com", offset = 0, count = 10,
        }
      end,
      parameters = { where = where.Email:contains "qq.com", offset = 0, count = 10 },
      -- The heading says list_members, the example listMembers.
      url = "https://email.api.engagelab.cc/v1/marketing/lists/list_members?offset=0&limit=10",
      result = {
        {
          id = "6565c12a3b4e0d83d3f58ea0", list_id = 95964, email = "xjmfc@126.com",
          fields = { Birthday = "03/30", Age = "12" }, tag_ids = {}, tag_names = {},
          create_time = "2023-11-28T18:30:02+0800", update_time = "2023-11-30T17:00:19+0800",
        },
      },
      page = { total = 3, offset = 0, count = 10 },
    },
  },
}
