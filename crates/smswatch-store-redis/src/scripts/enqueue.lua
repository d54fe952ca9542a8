-- Begins the scripts that queue deliveries.

-- Queues the delivery whose id, sink, rule, priority, message ids and body begin at ARGV[at], unless there
-- is one of that id already; says whether it did. The list of sinks first: a sink without a queue is
-- nothing, a queue without its sink would not be found.
local listed = {}
local function enqueue(base, now, at)
  local id, sink, priority = ARGV[at], ARGV[at + 1], ARGV[at + 3]
  local key = base .. 'd:' .. id
  if redis.call('EXISTS', key) == 1 then return false end
  local rule = ARGV[at + 2]
  if not listed[sink .. '\n' .. rule] then
    redis.call('SADD', base .. 'sinks', sink)
    redis.call('HSET', base .. 'r:' .. sink, rule, '1')
    listed[sink .. '\n' .. rule] = true
  end
  redis.call('HSET', key, 'f', '1', 'k', sink, 'r', rule, 'p', priority, 's', 'pending',
    'm', ARGV[at + 4], 'b', ARGV[at + 5], 'c', now)
  for message in ARGV[at + 4]:gmatch('[^\n]+') do
    redis.call('ZADD', base .. 't:' .. message, now, id)
  end
  redis.call('ZADD', base .. 'q:' .. priority .. ':' .. sink, now, id)
  redis.call('ZADD', base .. 'a:' .. priority .. ':' .. sink, now, id)
  return true
end

