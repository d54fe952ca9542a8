-- Makes deliveries due that wait, or are claimed, for longer than anything can be: a clock was far ahead
-- when that was done.
-- sink, priority, how far ahead a due time may lie in milliseconds, how many at most.
local base, limit = KEYS[1], tonumber(ARGV[4])
local place = ARGV[2] .. ':' .. ARGV[1]
local queue, ages, aside = base .. 'q:' .. place, base .. 'a:' .. place, base .. 'v:' .. place
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = '(' .. string.format('%.0f', now + tonumber(ARGV[3]))
local count = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, last, '+inf', 'LIMIT', 0, limit)) do
  local queued = math.min(now, tonumber(redis.call('ZSCORE', ages, id) or now))
  redis.call('ZADD', ages, queued, id)
  redis.pcall('HSET', base .. 'd:' .. id, 'q', string.format('%.0f', queued))
  redis.call('ZADD', queue, queued, id)
  count = count + 1
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', aside, last, '+inf', 'LIMIT', 0, limit)) do
  redis.call('ZADD', aside, now, id)
  count = count + 1
end
return count
