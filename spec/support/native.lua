-- Small C helpers of the specs, compiled when they are first wanted, and the interpreter at work.

local native = {}

--- Runs a shell command that must succeed; a sanitizer that is preloaded is not for it.
function native.sh(command)
  local ok = os.execute("unset LD_PRELOAD\n" .. command)
  assert(ok == true or ok == 0, "failed: " .. command)
end

--- Name of the running interpreter, "lua5.4", and the build directory it uses.
function native.runtime()
  local build, name = package.cpath:match "([^;]-)/(lua[%w.]+)/%?%.so"
  return assert(name, "LUA_CPATH does not point at a build directory"), build
end

--- Compiles spec/support/NAME.c when it is newer than `target`. Runs side by side do not meet.
function native.compile(name, target, flags, libraries)
  local source = "spec/support/" .. name .. ".c"
  local script = [[test %s -nt %s || { mkdir -p $(dirname %s) &&
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -O1 %s -o %s.$$ %s %s && mv %s.$$ %s; }]]
  native.sh(
    script:format(
      target,
      source,
      target,
      flags or "",
      target,
      source,
      libraries or "",
      target,
      target
    )
  )
  return target
end

--- Runs a function in a forked child; true when it returned true there.
---@param fn fun(): boolean
---@return boolean
function native.fork(fn)
  local lua, build = native.runtime()
  local flags = ("-shared -fPIC $(pkg-config --cflags %s)"):format(lua)
  local library = native.compile("fork", ("%s/%s/spec_fork.so"):format(build, lua), flags)
  return assert(package.loadlib(library, "luaopen_spec_fork"))()(fn)
end

--- A library to preload that makes host names slow to find.
function native.slow_dns()
  local _, build = native.runtime()
  return native.compile("slow_dns", build .. "/spec/slow_dns.so", "-shared -fPIC")
end

--- A library to preload that stands for the system's certificate authorities, see authorities.c.
function native.authorities()
  local _, build = native.runtime()
  return native.compile("authorities", build .. "/spec/authorities.so", "-shared -fPIC", "-ldl")
end

--- A library to preload that makes writing to files fail now and then.
function native.bad_disk()
  local _, build = native.runtime()
  return native.compile("bad_disk", build .. "/spec/bad_disk.so", "-shared -fPIC", "-ldl")
end

--- A library to preload that makes syncs of a journal wait, see slow_disk.c.
function native.slow_disk()
  local _, build = native.runtime()
  return native.compile("slow_disk", build .. "/spec/slow_disk.so", "-shared -fPIC", "-ldl")
end

--- A library to preload that leaves the helper thread without descriptors, see full_table.c.
function native.full_table()
  local _, build = native.runtime()
  return native.compile("full_table", build .. "/spec/full_table.so", "-shared -fPIC", "-ldl")
end

return native
