-- Begins the scripts that queue deliveries.

-- How many arguments say what a delivery is.
local WIDTH = 7

-- Queues the delivery whose id, sink, rule, priority, message ids, body and note begin at ARGV[at], unless
-- there is one of that id already; says whether it did. One with a note why it is held back ('' for none)
-- has ended already, as suppressed. The list of sinks first: a sink without a queue is
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
  for message in ARGV[at + 4]:gmatch('[^\n]+') do
    redis.call('ZADD', base .. 't:' .. message, now, id)
  end
  local note, of_sink = ARGV[at + 6], ':' .. sink
  -- The delivery itself last: where Redis breaks a step off before it, the step is repeated as if nothing had
  -- been done.
  if note == '' then
    redis.call('ZADD', base .. 'q:' .. priority .. of_sink, next_turn(), id)
    redis.call('ZADD', base .. 'a:' .. priority .. of_sink, now, id)
    redis.call('HSET', key, 'f', '1', 'k', sink, 'r', rule, 'p', priority, 's', 'pending',
      'm', ARGV[at + 4], 'b', ARGV[at + 5], 'c', now)
  else
    redis.call('ZADD', base .. 'suppressed' .. of_sink, now, id)
    redis.call('HSET', key, 'f', '1', 'k', sink, 'r', rule, 'p', priority, 's', 'suppressed',
      'm', ARGV[at + 4], 'b', ARGV[at + 5], 'c', now, 'a', note)
  end
  return true
end

