-- Looks at pending deliveries of one sink and priority, those that were queued longest ago first.
-- sink, priority, instant and id of the last one that was looked at before ('' if none), how many.
local base, sink, priority = KEYS[1], ARGV[1], ARGV[2]
local seen_at, seen_id, limit = ARGV[3], ARGV[4], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queue, ages = base .. 'q:' .. priority .. ':' .. sink, base .. 'a:' .. priority .. ':' .. sink
local pending = redis.call('ZCARD', base .. 'q:0:' .. sink) + redis.call('ZCARD', base .. 'q:1:' .. sink)
local found = behind(ages, '-inf', '(' .. now, seen_at, seen_id, limit)

local out = {}
for _, entry in ipairs(found) do
  local id = entry[1]
  local due = tonumber(redis.call('ZSCORE', queue, id) or '-1')
  local delivery = redis.call('HMGET', base .. 'd:' .. id, 's', 'b')
  if due < 0 or delivery[1] ~= 'pending' then
    -- A step that Redis broke off left it here.
    redis.call('ZREM', ages, id)
  else
    out[#out + 1] = id
    out[#out + 1] = entry[2]
    -- A claim's score is no whole number.
    if due > now and due % 1 > 0 then out[#out + 1] = '1' else out[#out + 1] = '0' end
    out[#out + 1] = delivery[2]
  end
end
local last_at, last_id = '', ''
if #found == limit then last_id, last_at = found[limit][1], found[limit][2] end
return { pending, last_at, last_id, out }
