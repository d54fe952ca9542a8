-- Takes watches of one lane that are due, those of ended leases first, and puts them under a new lease.
-- An entry whose record has another due time by now was superseded: it is dropped.
local base, lane = KEYS[1], ARGV[1]
local limit, lease, id = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local slots, ends = base .. 'z:' .. lane, base .. 'e:' .. lane
local out, kept, seen = {}, {}, {}
-- How many entries may be looked at: dropping superseded ones is bounded work, too.
local budget = 2 * limit + 256

local function due_bytes(due)
  local bytes = {}
  for place = 6, 1, -1 do
    bytes[place] = string.char(due % 256)
    due = math.floor(due / 256)
  end
  return table.concat(bytes)
end

local function keep(due, place)
  local bucket = place:byte(1) * 256 + place:byte(2)
  local field = place:sub(3)
  local record = redis.pcall('HGET', base .. 'w:' .. bucket, field)
      or redis.pcall('HGET', base .. 'x:' .. bucket, field)
  -- In a key of another type nothing can be read; what is due besides must not wait for that.
  if type(record) == 'table' then record = '--' .. due end
  if record and record:sub(3, 8) == due and not seen[place] then
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
      if due then keep(due, entry) else keep(entry:sub(1, 6), entry:sub(7)) end
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

if #kept > 0 then
  for first = 1, #kept, 1000 do
    redis.call('RPUSH', base .. 'l:' .. id, unpack(kept, first, math.min(first + 999, #kept)))
  end
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
return { now, next_due, out }
