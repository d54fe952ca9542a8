-- Counts what the shard holds. The oldest delivery is looked for among the first few of each queue.
local base = KEYS[1]
local queues = {}
for _, sink in ipairs(redis.call('SMEMBERS', base .. 'sinks')) do
  local pending, oldest = 0, -1
  for priority = 0, 1 do
    local queue = base .. 'q:' .. priority .. ':' .. sink
    pending = pending + redis.call('ZCARD', queue)
    for _, id in ipairs(redis.call('ZRANGE', queue, 0, 15)) do
      local delivery = redis.call('HMGET', base .. 'd:' .. id, 'q', 'c')
      local queued = tonumber(delivery[1] or delivery[2] or -1)
      if queued >= 0 and (oldest < 0 or queued < oldest) then oldest = queued end
    end
  end
  queues[#queues + 1] = sink
  queues[#queues + 1] = tostring(pending)
  queues[#queues + 1] = tostring(redis.call('ZCARD', base .. 'dead:' .. sink))
  queues[#queues + 1] = string.format('%.0f', oldest)
end
return { redis.call('HGETALL', base .. 'n'), queues }
