-- Gives back the records that a claim took whose answer was lost; one that has not arrived yet takes nothing then.
-- Kind, who claimed, the claim's number, for how many milliseconds it may still arrive.
local base, kind, number = KEYS[1], ARGV[1], ARGV[3]
local claimer, times = base .. 'c:' .. ARGV[2] .. ':h:' .. kind, base .. 'h:' .. kind
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last, lease_end = (redis.call('GET', claimer) or '0'):match('^(%d+) ?(.*)$')
if tonumber(last) > tonumber(number) then return 0 end
local given_back = 0
if last == number and lease_end ~= '' then
  -- Another process's claim of the same millisecond may be among them. It changes a record only as it was, so that one
  -- of the two comes too late.
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', times, lease_end, lease_end)) do
    redis.call('ZADD', times, now, id)
    given_back = given_back + 1
  end
end
redis.call('SET', claimer, number, 'PX', ARGV[4])
return given_back
