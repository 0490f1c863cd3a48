--- SendCloud's 21 operations: how Lua says what a document's example does, and what its answer is
-- in Lua. `sent` and `url` stand where the example itself cannot be sent, with the reason.

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
local done = { percent = 100, complete = true, status_desc = "segmentation completed" }
local tagged = { "61c2be010d2b4e6a3836ab1f", "61c2be010d2b4e6a3836ab1d" }

local cases = {}

cases.sendcloud_members = {
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
      updated = {}, errors = {}, inserted_count = 2, updated_count = 0, error_count = 0,
    },
  },
  ["members.delete"] = {
    call = function(client) return client.members:delete("8") end,
    parameters = { id = "8" }, result = true,
  },
  ["members.delete_where"] = {
    call = function(client) return client.members:delete_where(hotmail) end,
    parameters = { where = hotmail }, result = 22,
  },
  ["members.update"] = {
    call = function(client)
      return client.members:update("62974a5e490f33c5eee647a2", xjmfc)
    end,
    parameters = {
      id = "62974a5e490f33c5eee647a2", phone = xjmfc.phone, name = xjmfc.name,
      fields = xjmfc.fields, tags = xjmfc.tags,
    },
    -- The example also sends the address, twice; the table of parameters has it nowhere, and
    -- the answer shows that it stays what it was.
    sent = [[{"phone":"13681312919","name":"朱锁锁","fields":{"Birthday":"03/30","Age":"12",
      "customField":"我的测试"},"tags":["testTag"]}]],
    result = {
      id = "62974a5e490f33c5eee647a2", user_id = 99229, email = "lim8367@hotmail.com",
      create_time = "2022-06-01 19:15:42", update_time = "2022-06-01 19:15:42",
      fields = {}, tag_ids = { "628dd6eb8107fd77030b3dc1" }, tag_names = { "wer4" },
    },
  },
  ["members.get"] = {
    call = function(client) return client.members:get("62974a5e490f33c5eee647a2") end,
    parameters = { id = "62974a5e490f33c5eee647a2" },
    result = {
      id = "5ff676de490f33c5ee941a80", list_id = 63486, user_id = 99229,
      email = "17@sendcloud.im", phone = "133456634", name = "wem zh",
      fields = { huangli = "12.00", Age = "13" },
      tag_ids = { "5ff676d5c3445509bee370a1" }, tag_names = { "3" },
      create_time_fmt = "2021-01-07 10:50:05", update_time_fmt = "2022-05-25 10:19:01",
    },
  },
  ["members.list"] = {
    call = function(client)
      return client.members:list { where = where.Email:contains "qq.com", offset = 0, count = 10 }
    end,
    parameters = { where = where.Email:contains "qq.com", offset = 0, count = 10 },
    result = {
      {
        id = "629594c9490f33c5ee6fe9e1", list_id = 63486, user_id = 99229,
        email = "111@yahoo.com.sg", phone = "18111111111", name = "",
        create_time = "2022-05-31 12:08:41", update_time = "2022-05-31 12:08:41",
        fields = { Gender = "男", Age = "1" }, tag_ids = {}, tag_names = {},
      },
      {
        id = "629594c9490f33c5ee6fe9e0", list_id = 63486, user_id = 99229,
        email = "maggieee.wang@gmail.com", phone = "18111111111", name = "",
        create_time = "2022-05-31 12:08:41", update_time = "2022-05-31 12:08:41",
        fields = { Gender = "", Age = "1" }, tag_ids = {}, tag_names = {},
      },
    },
    page = { total = 2, offset = 0, count = 10 },
  },
}

cases.sendcloud_tags = {
  ["tags.create"] = {
    call = function(client) return client.tags:create("myCustomTag") end,
    parameters = { name = "myCustomTag" },
    result = { id = "62732d3ddd017d22ccd118e4", name = "myCustomTag" },
  },
  ["tags.delete"] = {
    call = function(client) return client.tags:delete("61c2be010d2b4e6a3836ab1f") end,
    parameters = { id = "61c2be010d2b4e6a3836ab1f" }, result = true,
  },
  ["tags.update"] = {
    call = function(client)
      return client.tags:update("61c2be010d2b4e6a3836ab1f", { name = "myCustomTag" })
    end,
    parameters = { id = "61c2be010d2b4e6a3836ab1f", name = "myCustomTag" },
    result = {
      id = "62732d3ddd017d22ccd118e4", user_id = 100249, name = "tag_update",
      create_time = "2022-05-05 09:49:49", update_time = "2022-05-05 17:36:33", count = 0,
    },
  },
  ["tags.list"] = {
    call = function(client)
      return client.tags:list { name = "教育", offset = 0, count = 10 }
    end,
    parameters = { name = "教育", offset = 0, count = 10 },
    result = {
      {
        id = "617a71ac672b2823a1a82c13", user_id = 303, name = "教育",
        create_time = "2022-05-27 15:31:41", update_time = "2022-05-27 15:31:41", count = 254,
      },
    },
    page = { total = 297, offset = 0, count = 10 },
  },
  ["tags.add"] = {
    call = function(client) return client.tags:add("61c2be010d2b4e6a3836ab1f", tagged) end,
    parameters = { id = "61c2be010d2b4e6a3836ab1f", member_ids = tagged }, result = 2,
  },
  ["tags.remove"] = {
    call = function(client) return client.tags:remove("616683a13a7b531b0336108d", tagged) end,
    parameters = { id = "616683a13a7b531b0336108d", member_ids = tagged }, result = 2,
  },
  ["tags.members"] = {
    call = function(client)
      return client.tags:members("616683a13a7b531b0336108d", { offset = 0, count = 10 })
    end,
    parameters = { id = "616683a13a7b531b0336108d", offset = 0, count = 10 },
    result = {
      {
        id = "149", list_id = 996, user_id = "userId", email = "xjmfc@126.com",
        phone = "138999999999", name = "吴起",
        create_time = "2022-06-01 16:13:03", update_time = "2022-06-01 16:13:03",
        unsubscribe_time = "2022-06-01", fields = { mapKey = {} },
        tag_ids = { "iya0zz" }, tag_names = { "0nghts" },
        create_time_fmt = "jnntba", update_time_fmt = "gemzp2", unsubscribe_time_fmt = "0at3f2",
      },
    },
    page = { total = 719, offset = 0, count = 10 },
  },
}

local named_li_lei, named_leon = where.Name:contains "李磊", where.Name:contains "leonwang"

cases.sendcloud_segments = {
  ["segments.create"] = {
    call = function(client)
      return client.segments:create { name = "湖北用户", where = named_li_lei }
    end,
    parameters = { name = "湖北用户", where = named_li_lei },
    result = { id = "asfd4561361q5574", name = "湖北用户", type = "field", relation = "and",
      conditions = { { field = "Name", op = "contain", value = "李磊" } } },
  },
  ["segments.delete"] = {
    call = function(client) return client.segments:delete("asfd4561361q5574") end,
    parameters = { id = "asfd4561361q5574" }, result = true,
  },
  ["segments.update"] = {
    call = function(client)
      return client.segments:update("62849dc690d79d4947dd033d",
        { name = "湖北用户", where = named_leon })
    end,
    parameters = { id = "62849dc690d79d4947dd033d", name = "湖北用户", where = named_leon },
    result = {
      id = "60854a804b72410e5a456d69", user_id = 100249, name = "年龄介于13与45之间",
      list_id = 63877, status = "ready", create_time = "2021-04-25 18:54:56",
      update_time = "2022-05-06 15:36:02", member_total = 143, relation = "and", type = "field",
      conditions = {
        { field = "age", op = ">=", value = "13" }, { field = "age", op = "<=", value = "45" },
      },
      process = done,
    },
    text = "age >= 13 and age <= 45",
  },
  ["segments.get"] = {
    call = function(client) return client.segments:get("62849dc690d79d4947dd033d") end,
    parameters = { id = "62849dc690d79d4947dd033d" },
    result = {
      id = "6274ea51b05b2648606523ad", user_id = 100249, name = "test_by_field_tag_update",
      type = "field", list_id = 63877, status = "ready", create_time = "2022-05-06 17:28:49",
      update_time = "2022-06-02 15:17:05", member_total = 691, relation = "and",
      conditions = { { field = "Age", op = "<", value = "50" } }, process = done,
    },
    text = "Age < 50",
  },
  ["segments.list"] = {
    call = function(client)
      return client.segments:list { name = "abc_by_name", type = "field", offset = 0, count = 10 }
    end,
    parameters = { name = "abc_by_name", type = 0, offset = 0, count = 10 },
    result = {
      {
        id = "62a162293724120da6f61af8", user_id = 99229, name = "abc_by_name",
        relation = "and", type = "field", list_id = 63486, status = "ready",
        create_time = "2022-06-09 10:59:53", update_time = "2022-06-09 10:59:53",
        member_total = 0, process = done,
        conditions = { { field = "0517", op = "contain", value = "campaign-2022" } },
      },
    },
    page = { total = 1, offset = 0, count = 10 },
  },
  ["segments.progress"] = {
    call = function(client) return client.segments:progress("62849dc690d79d4947dd033d") end,
    parameters = { id = "62849dc690d79d4947dd033d" }, result = done,
  },
  ["segments.members"] = {
    call = function(client)
      return client.segments:members("62908150eb5e955d6d214da6",
        { where = where.Email:contains "tw", offset = 0, count = 10 })
    end,
    parameters = {
      id = "62908150eb5e955d6d214da6", where = where.Email:contains "tw", offset = 0, count = 10,
    },
    result = {
      {
        id = "629d6650490f33c5eef1caa6", list_id = 63486, user_id = 99229,
        email = "paulchen0518@yahoo.com.tw", name = "shanshan",
        create_time = "2022-06-06 10:28:32", update_time = "2022-06-06 10:28:32",
        fields = { Gender = "女" }, tag_ids = {}, tag_names = {},
      },
      {
        id = "629d665a490f33c5eef2932f", list_id = 63486, user_id = 99229,
        email = "q510518@yahoo.com.tw", name = "",
        create_time = "2022-06-06 10:28:42", update_time = "2022-06-06 10:28:42",
        fields = { Gender = "" }, tag_ids = {}, tag_names = {},
      },
    },
    page = { total = 2, offset = 0, count = 10 },
  },
  ["segments.remove_members"] = {
    call = function(client)
      return client.segments:remove_members("62849dc690d79d4947dd033d",
        { "asdfsdf2211212aa", "2sadfs288332223s" })
    end,
    parameters = {
      id = "62849dc690d79d4947dd033d",
      member_ids = { "asdfsdf2211212aa", "2sadfs288332223s" },
    },
    result = 100,
  },
}

return cases
