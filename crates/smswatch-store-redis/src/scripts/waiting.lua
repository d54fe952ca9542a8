-- Looks at pending deliveries of one sink and priority, those that were queued longest ago first.
-- sink, priority, whether claimed ones are wanted ('1'), instant and id of the last one that was looked
-- at before ('' if none), how many are wanted, how many are looked at.
local base, sink, priority, claimed_too = KEYS[1], ARGV[1], ARGV[2], ARGV[3] == '1'
local seen_at, seen_id, limit, most = ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queue, ages = base .. 'q:' .. priority .. ':' .. sink, base .. 'a:' .. priority .. ':' .. sink
local pending = redis.call('ZCARD', base .. 'q:0:' .. sink) + redis.call('ZCARD', base .. 'q:1:' .. sink)

local first = '-inf'
if seen_at ~= '' then first = seen_at end
local out, gone, looked, skip, is_all = {}, {}, 0, 0, false
local last_at, last_id = '', ''
while #out < 3 * limit and looked < most and not is_all do
  local page = redis.call('ZRANGEBYSCORE', ages, first, '(' .. now, 'WITHSCORES', 'LIMIT', skip, limit)
  is_all = #page < 2 * limit
  skip = skip + limit
  for at = 1, #page, 2 do
    local id, queued = page[at], page[at + 1]
    -- What was queued in the same millisecond as the last one, and lies before it, is no news.
    local is_news = queued ~= seen_at or id > seen_id
    if is_news and #out < 3 * limit then
      local score = tonumber(redis.call('ZSCORE', queue, id) or '-1')
      local delivery = redis.call('HMGET', base .. 'd:' .. id, 's', 'b')
      looked = looked + 1
      last_at, last_id = queued, id
      if score < 0 or delivery[1] ~= 'pending' then
        gone[#gone + 1] = id
      elseif claimed_too or score <= now or score % 1 == 0 then
        out[#out + 1] = id
        out[#out + 1] = queued
        out[#out + 1] = delivery[2]
      end
    elseif is_news then
      is_all = false
    end
  end
end
-- A step that Redis broke off left these here.
for _, id in ipairs(gone) do redis.call('ZREM', ages, id) end
if is_all then last_at, last_id = '', '' end
return { pending, last_at, last_id, out }
