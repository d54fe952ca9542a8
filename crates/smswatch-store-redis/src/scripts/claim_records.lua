-- Takes records of a kind that are due, the earliest first: until the lease ends no other claim gets them.
-- Kind, how many, lease in milliseconds, who claims, a number that grows with each of their claims.
local base, kind, lease = KEYS[1], ARGV[1], tonumber(ARGV[3])
local claimer, number = base .. 'c:' .. ARGV[4] .. ':h:' .. kind, ARGV[5]
local records, times = base .. 'g:' .. kind, base .. 'h:' .. kind
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
-- The caller has given this up: the answer would reach no one.
local last = (redis.call('GET', claimer) or ''):match('^%d+')
if last and tonumber(last) >= tonumber(number) then return { now, -1, out } end
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
if #out > 0 then
  redis.call('SET', claimer, number .. ' ' .. string.format('%.0f', now + lease), 'PX', ARGV[3])
end
local first = redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')
return { now, first[2] and tonumber(first[2]) or -1, out }
