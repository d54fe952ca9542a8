-- Begins the scripts that leave deliveries to a later version.

-- Takes a pending delivery out of its queue, and keeps it where claims are offered it now and then. The new
-- place first: what is in both is found twice, what is in neither is lost.
local function leave(base, now, sink, priority, id)
  local place = priority .. ':' .. sink
  redis.call('ZADD', base .. 'v:' .. place, now, id)
  redis.call('ZREM', base .. 'q:' .. place, id)
  redis.call('ZREM', base .. 'a:' .. place, id)
end

