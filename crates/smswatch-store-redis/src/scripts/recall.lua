-- Makes watches of one lane due that are scheduled further ahead than anything can be: a clock was far
-- ahead when that was done. Leases that end so late end now.
-- Priority, how far ahead a due time may lie in milliseconds.
local base, lane = KEYS[1], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local last = '(' .. string.format('%.0f', now + tonumber(ARGV[2]))
local slots, ends, id = base .. 'z:' .. lane, base .. 'e:' .. lane, lane .. '.recalled'
local count, budget = 0, 2000

for _, ended in ipairs(redis.call('ZRANGEBYSCORE', ends, last, '+inf', 'LIMIT', 0, 64)) do
  redis.call('ZADD', ends, 0, ended)
  count = count + 1
end
for _, slot in ipairs(redis.call('ZRANGEBYSCORE', slots, last, '+inf', 'LIMIT', 0, 64)) do
  local list, due = base .. 's:' .. lane .. ':' .. slot, due_bytes(tonumber(slot))
  local entries = budget > 0 and redis.call('LPOP', list, math.min(budget, 512)) or {}
  budget = budget - #entries
  for _, entry in ipairs(entries) do
    -- A lease that is over already: the next claim takes them.
    redis.call('RPUSH', base .. 'l:' .. id, due .. entry)
    redis.call('ZADD', ends, 0, id)
    count = count + 1
  end
  if redis.call('EXISTS', list) == 0 then redis.call('ZREM', slots, slot) end
end
return count
