-- Takes deliveries of one sink that are due, critical ones first. The score that a claim gives, the end
-- of its lease and a half, is also its token: no retry's score and no other claim's is ever the same.
local base, sink, lease = KEYS[1], ARGV[1], tonumber(ARGV[3])
local left = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out, next_due = {}, -1
for priority = 0, 1 do
  local queue = base .. 'q:' .. priority .. ':' .. sink
  if left > 0 then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, left)) do
      local delivery = redis.call('HMGET', base .. 'd:' .. id, 'b', 'c', 'n', 'q', 'o')
      if delivery[1] then
        redis.call('ZADD', queue, string.format('%.1f', now + lease + 0.5), id)
        out[#out + 1] = id
        out[#out + 1] = delivery[1]
        out[#out + 1] = delivery[4] or delivery[2]
        out[#out + 1] = string.format('%.0f', (delivery[3] or 0) - (delivery[5] or 0))
        left = left - 1
      else
        redis.call('ZREM', queue, id)
        redis.call('ZREM', base .. 'a:' .. priority .. ':' .. sink, id)
      end
    end
  end
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if first[2] then
    local due = math.ceil(tonumber(first[2]))
    if next_due < 0 or due < next_due then next_due = due end
  end
end
return { now, next_due, now + lease, out }
