-- Takes permits of a rate: the generic cell rate algorithm, in microseconds.
local key, interval, burst, want = KEYS[1] .. 'rate:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- What cannot be read is as old as what is not there: it must not stop the rate for good.
local arrival = tonumber(redis.call('GET', key) or now) or now
-- A clock that was set back must not stop the rate for longer than one burst.
arrival = math.min(math.max(arrival, now), now + burst)
local granted = math.min(want, math.floor((now + burst - arrival) / interval))
arrival = arrival + granted * interval
redis.call('SET', key, string.format('%.0f', arrival), 'PX', math.ceil(burst / 500) + 1000)
local wait = 0
if granted < want then wait = math.max(0, math.ceil(arrival + interval - now - burst)) end
return { granted, wait }
