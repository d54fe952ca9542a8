-- Notes of deliveries that an earlier version queued which messages they tell of, and of which rules a sink
-- has some, a few in each call: of what is pending first, because what is ended was pending before. Does
-- nothing once all are noted.
-- How many lists are done, the score from which the next one goes on ('' for its beginning), how many of
-- that very score are done, how many to look at.
local base, n_done, from, skip, limit = KEYS[1], tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('HGET', base .. 'i', 'deliveries') then return { -1, '', 0 } end
local lists, sinks = {}, redis.call('SMEMBERS', base .. 'sinks')
table.sort(sinks)
for _, kind in ipairs({ 'q:0', 'q:1', 'delivered', 'dead', 'suppressed' }) do
  for _, sink in ipairs(sinks) do lists[#lists + 1] = { kind .. ':' .. sink, sink } end
end
if n_done == #lists then
  redis.call('HSET', base .. 'i', 'deliveries', '1', 'routed', redis.call('GET', base .. 'cur') or '0-0')
  return { -1, '', 0 }
end
local list, sink = unpack(lists[n_done + 1])
local lowest = from == '' and '-inf' or from
local page = redis.call('ZRANGEBYSCORE', base .. list, lowest, '+inf', 'WITHSCORES', 'LIMIT', skip, limit)
for at = 1, #page, 2 do
  local row = redis.pcall('HMGET', base .. 'd:' .. page[at], 'm', 'c', 'r')
  for message in (row[1] or ''):gmatch('[^\n]+') do
    redis.call('ZADD', base .. 't:' .. message, row[2], page[at])
  end
  if row[3] then redis.call('HSET', base .. 'r:' .. sink, row[3], '1') end
end
if #page < 2 * limit then return { n_done + 1, '', 0 } end
local last = page[#page]
-- What has the score of the last one is looked at again, unless all of them have it.
return { n_done, last, last == from and skip + limit or 0 }
