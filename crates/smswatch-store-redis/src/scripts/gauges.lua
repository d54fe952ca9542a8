-- Counts what the shard holds, and finds the delivery of each sink that was queued longest ago.
local base = KEYS[1]
local queues = {}
for _, sink in ipairs(redis.call('SMEMBERS', base .. 'sinks')) do
  local pending, left, oldest = 0, 0, -1
  for priority = 0, 1 do
    local queue = base .. 'q:' .. priority .. ':' .. sink
    pending = pending + redis.call('ZCARD', queue)
    left = left + redis.call('ZCARD', base .. 'v:' .. priority .. ':' .. sink)
    local ages = redis.call('ZRANGE', base .. 'a:' .. priority .. ':' .. sink, 0, 15, 'WITHSCORES')
    for at = 1, #ages, 2 do
      -- A step that Redis broke off may have left some that are not queued any more.
      if redis.call('ZSCORE', queue, ages[at]) then
        local queued = tonumber(ages[at + 1])
        if oldest < 0 or queued < oldest then oldest = queued end
        break
      end
    end
  end
  queues[#queues + 1] = sink
  queues[#queues + 1] = tostring(pending)
  queues[#queues + 1] = tostring(left)
  queues[#queues + 1] = tostring(redis.call('ZCARD', base .. 'dead:' .. sink))
  queues[#queues + 1] = string.format('%.0f', oldest)
end
return { redis.call('HGETALL', base .. 'n'), queues }
