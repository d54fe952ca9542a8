-- Takes watches of one lane that are due, those of ended leases first, and puts them under a new lease.
-- An entry whose record has another due time by now was superseded: it is dropped. One whose record this
-- version cannot read is put aside for a version that can, and offered to it now and then.
-- Priority, how many, lease in milliseconds and its name, the last format of records and the last state that
-- the caller knows (each has all up to it), whether it wants to be offered what is put aside.
local base, lane = KEYS[1], ARGV[1]
local limit, lease, id = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local last_format, last_state, is_offered = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1'
local aside = base .. 'u:' .. lane
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slots, ends = base .. 'z:' .. lane, base .. 'e:' .. lane
local out, kept, seen = {}, {}, {}
-- What is put aside by this call, and the fields of what was not before.
local unknown, news = {}, {}
-- How many entries may be looked at: dropping superseded ones is bounded work, too.
local budget = 2 * limit + 256

local function is_known(field, record)
  if #record < 8 or record:byte(2) > last_state then return false end
  if record:byte(1) < 1 or record:byte(1) > last_format then return false end
  local tag = field:byte(1)
  if tag == 117 then return #field == 17 end
  return tag == 116 and #field <= 201 and field:find('^[\33-\126]+$') ~= nil
end

local function keep(due, place, is_news)
  local bucket = place:byte(1) * 256 + place:byte(2)
  local field = place:sub(3)
  local record = redis.pcall('HGET', base .. 'w:' .. bucket, field)
      or redis.pcall('HGET', base .. 'x:' .. bucket, field)
  -- In a key of another type nothing can be read; what is due besides must not wait for that.
  if type(record) == 'table' then record = '' end
  if not record or seen[place] then return end
  if not is_known(field, record) then
    -- The version that wrote it knows whether it has another due time by now.
    seen[place] = true
    unknown[#unknown + 1] = due .. place
    if is_news then news[#news + 1] = field end
  elseif record:sub(3, 8) == due then
    seen[place] = true
    kept[#kept + 1] = due .. place
    out[#out + 1] = field
    out[#out + 1] = record
  end
end

-- Empties a list as far as there is room; says whether nothing is left of it.
local function take(list, due)
  while #kept < limit and budget > 0 do
    local entries = redis.call('LPOP', list, math.min(limit - #kept, budget, 512))
    if not entries then return true end
    budget = budget - #entries
    for _, entry in ipairs(entries) do
      if due then keep(due, entry, true) else keep(entry:sub(1, 6), entry:sub(7), true) end
    end
  end
  return redis.call('EXISTS', list) == 0
end

for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 16)) do
  if take(base .. 'l:' .. ended, nil) then redis.call('ZREM', ends, ended) end
end
for _, slot in ipairs(redis.call('ZRANGEBYSCORE', slots, '-inf', now, 'LIMIT', 0, 64)) do
  if #kept >= limit or budget <= 0 then break end
  if take(base .. 's:' .. lane .. ':' .. slot, due_bytes(tonumber(slot))) then
    redis.call('ZREM', slots, slot)
  end
end

-- It may be what was put aside just now, too: so it comes last.
local n_due = #kept
if is_offered and #kept < limit then
  local entries = redis.call('LPOP', aside, math.min(limit - #kept, 256)) or {}
  for _, entry in ipairs(entries) do keep(entry:sub(1, 6), entry:sub(7), false) end
end

-- Says how long the list is then, if anything was pushed.
local function push(list, entries)
  local length
  for first = 1, #entries, 1000 do
    length = redis.call('RPUSH', list, unpack(entries, first, math.min(first + 999, #entries)))
  end
  return length
end
-- -1: there are as many as before.
local n_aside = push(aside, unknown) or -1
if n_aside < 0 and redis.call('EXISTS', aside) == 0 then n_aside = 0 end
if #kept > 0 then
  push(base .. 'l:' .. id, kept)
  redis.call('ZADD', ends, now + lease, id)
end
local next_due = -1
for _, queue in ipairs({ slots, ends }) do
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if first[2] then
    local due = tonumber(first[2])
    if next_due < 0 or due < next_due then next_due = due end
  end
end
return { now, next_due, out, news, n_aside, #kept - n_due }
