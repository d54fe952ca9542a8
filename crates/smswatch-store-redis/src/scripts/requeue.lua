-- Queues a delivery again that has ended, due at once.
local function requeue(base, now, id, sink, priority, attempts_made)
  -- The queue first: what is in it twice is sent twice, what is in no list is lost.
  redis.call('ZADD', base .. 'q:' .. priority .. ':' .. sink, next_turn(), id)
  redis.call('HSET', base .. 'd:' .. id, 's', 'pending', 'q', now, 'o', attempts_made or '0')
  redis.call('ZADD', base .. 'a:' .. priority .. ':' .. sink, now, id)
end

