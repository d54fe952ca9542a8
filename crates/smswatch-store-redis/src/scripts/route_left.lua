-- Queues deliveries that do not exist yet, then takes away the left entries that they came from.
-- How many entries; their ids. Each delivery stands as `enqueue` wants it.
local base, n_entries = KEYS[1], tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for at = n_entries + 2, #ARGV, WIDTH do
  if enqueue(base, now, at) then added = added + 1 end
end
for at = 2, n_entries + 1 do redis.call('XDEL', base .. 'left', ARGV[at]) end
return added
