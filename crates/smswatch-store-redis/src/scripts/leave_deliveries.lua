-- Leaves deliveries that wait in a queue and are not claimed to a later version.
-- sink, priority, then their ids.
local base, sink, priority = KEYS[1], ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = 0
for at = 3, #ARGV do
  local score = tonumber(redis.call('ZSCORE', base .. 'q:' .. priority .. ':' .. sink, ARGV[at]) or '')
  -- A claim's score is no whole number.
  if score and (score <= now or score % 1 == 0) then
    leave(base, now, sink, priority, ARGV[at])
    count = count + 1
  end
end
return count
