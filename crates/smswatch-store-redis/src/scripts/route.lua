-- Queues deliveries that do not exist yet, changes records, then moves the cursor; does nothing if another process
-- has moved it, if a record is not as expected, or if the log has no entry where the cursor is to stand: a
-- failover may have lost it, and what is appended since could lie before that place.
-- Without a place to move from, it only queues. Records stand before what is set aside, and that before the
-- deliveries.
-- From, to, how many entries, how many are set aside, how many of those are kept, how many records.
-- Per record: kind, id, expected version, due time, body. Per entry set aside: position, error, body, and 1 if
-- it is left to a later version. Each delivery stands as `enqueue` wants it.
local base, from, to = KEYS[1], ARGV[1], ARGV[2]
if from ~= '' then
  if (redis.call('GET', base .. 'cur') or '0-0') ~= from then return -1 end
  if #redis.call('XRANGE', base .. 'log', to, to) == 0 then return -1 end
end
local n_records = tonumber(ARGV[6])
if not records_are_as_expected(base, 7, n_records) then return -2 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added, n_aside = 0, tonumber(ARGV[4])
local first_aside = 7 + 5 * n_records
local first = first_aside + 4 * n_aside
for at = first_aside, first - 1, 4 do
  local position, wrong, body = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if ARGV[at + 3] == '1' then
    redis.call('XADD', base .. 'left', '*', 'p', position, 'e', wrong, 'b', body)
  else
    redis.call('XADD', base .. 'aside', 'MAXLEN', ARGV[5], '*', 'p', position, 'e', wrong, 'b', body)
  end
end
for at = first, #ARGV, WIDTH do
  if enqueue(base, now, at) then added = added + 1 end
end
write_records(base, 7, n_records)
if from ~= '' then
  -- The process that moved the cursor is of a version that does not note which messages its deliveries are about.
  if (redis.call('HGET', base .. 'i', 'routed') or '0-0') ~= from then
    redis.call('HDEL', base .. 'i', 'deliveries')
  end
  redis.call('HSET', base .. 'i', 'routed', to)
  redis.call('SET', base .. 'cur', to)
  redis.call('HINCRBY', base .. 'n', 'routed', ARGV[3])
  if n_aside > 0 then redis.call('HINCRBY', base .. 'n', 'aside', n_aside) end
end
return added
