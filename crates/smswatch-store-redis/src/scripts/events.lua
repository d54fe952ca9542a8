-- Finds log entries before an id, newest first: those of one message, or those of one kind. The index is
-- read, and then what no index knows, which may be about anything.
-- 'message' or 'kind', which one, the id ('' for none), how many to look at. Returns the id of the last one
-- that was looked at when there may be more, and the entries' ids: their bodies would be copied twice here.
local base, by, which, before, limit = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local log = base .. 'log'
local out, n_looked_at, last = {}, 0, ''

local function read_log(highest)
  for _, entry in ipairs(redis.call('XREVRANGE', log, highest, '-', 'COUNT', limit - n_looked_at)) do
    out[#out + 1] = entry[1]
    n_looked_at, last = n_looked_at + 1, entry[1]
  end
end

-- The ids of a message's entries before `before`, newest first.
local function ids_of_message()
  local small, large, field, fits = homes(base, which)
  local known = fits and redis.call('HGET', small, field)
  local found = {}
  if not fits or known == '' then
    -- What does not fit is not noted, so whatever fits in its millisecond lies before it.
    local ms = before:match('^%d*')
    local highest = before == '' and '+' or '(' .. (pack(before) or pack(ms .. '-16777215'))
    found = redis.call('ZRANGE', large, highest, '-', 'BYLEX', 'REV', 'LIMIT', 0, limit)
    for at, bytes in ipairs(found) do found[at] = unpack_id(bytes) end
  else
    for at = known and #known - bytes_of_id + 1 or 0, 1, -bytes_of_id do
      local id = unpack_id(known:sub(at, at + bytes_of_id - 1))
      if #found < limit and (before == '' or not is_up_to(before, id)) then found[#found + 1] = id end
    end
  end
  return found
end

local function ids_of_kind()
  local highest = before == '' and '+' or '(' .. before
  local found = redis.call('XREVRANGE', base .. 'k:' .. which, highest, '-', 'COUNT', limit)
  for at, entry in ipairs(found) do found[at] = entry[1] end
  return found
end

local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
-- A version that notes nothing may have appended the newest one: then the whole log has to be read.
local is_noted = newest and redis.call('HGET', base .. 'i', 'last') == newest[1]
if not is_noted then
  read_log(before == '' and '+' or '(' .. before)
else
  local after = redis.call('HGET', base .. 'i', 'after')
  for _, id in ipairs(by == 'message' and ids_of_message() or ids_of_kind()) do
    if after and is_up_to(id, after) then break end
    out[#out + 1] = id
    n_looked_at, last = n_looked_at + 1, id
  end
  if after and n_looked_at < limit then
    local is_behind = before ~= '' and is_up_to(before, after)
    read_log(is_behind and '(' .. before or after)
  end
end
return { n_looked_at >= limit and last or '', out }
