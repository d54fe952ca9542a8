-- Begins the scripts that queue deliveries.

-- How many arguments say what a delivery is.
local WIDTH = 7

-- Queues the delivery whose id, sink, rule, priority, message ids, body and note begin at ARGV[at], unless
-- there is one of that id already; says whether it did. One with a note why it is held back ('' for none)
-- has ended already, as suppressed. The list of sinks first: a sink without a queue is
-- nothing, a queue without its sink would not be found.
local listed = {}

-- Scores in the order of the calls, all of them before the millisecond that runs, and behind those of every
-- script before this one. A fraction does not make it look claimed: it is due.
local first_place, n_placed = nil, 0
local function next_place()
  if not first_place then
    local time = redis.call('TIME')
    first_place = time[1] * 1000 + time[2] / 1000 - 1
  end
  n_placed = n_placed + 1
  return string.format('%.17g', first_place + n_placed / 4096)
end

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
    redis.call('ZADD', base .. 'q:' .. priority .. of_sink, next_place(), id)
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

