-- Makes deliveries due that wait for a later attempt and are not claimed. Their new scores are
-- when they were queued, so that the oldest of them are first.
-- sink, priority, how many of those that would be last to pass over, how many to look at.
local base, sink, priority, skip, limit = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local queue, ages = base .. 'q:' .. priority .. ':' .. sink, base .. 'a:' .. priority .. ':' .. sink
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local moved, kept = 0, 0
local page = redis.call('ZREVRANGEBYSCORE', queue, '+inf', '(' .. now, 'WITHSCORES', 'LIMIT', skip, limit)
for at = 1, #page, 2 do
  -- A claim's score is no whole number.
  if tonumber(page[at + 1]) % 1 == 0 then
    redis.call('ZADD', queue, redis.call('ZSCORE', ages, page[at]) or now, page[at])
    moved = moved + 1
  else
    kept = kept + 1
  end
end
return { moved, kept }
