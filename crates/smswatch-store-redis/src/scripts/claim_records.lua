-- Takes records of a kind that are due, the earliest first: until the lease ends no other claim gets them.
-- Kind, how many, lease in milliseconds.
local base, kind, lease = KEYS[1], ARGV[1], tonumber(ARGV[3])
local records, times = base .. 'g:' .. kind, base .. 'h:' .. kind
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local value = redis.call('HGET', records, id)
  if value then
    redis.call('ZADD', times, now + lease, id)
    out[#out + 1] = id
    out[#out + 1] = value
  else
    redis.call('ZREM', times, id)
  end
end
local first = redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')
return { now, first[2] and tonumber(first[2]) or -1, out }
