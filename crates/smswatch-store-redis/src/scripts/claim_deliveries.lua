-- Takes deliveries of one sink and priority that are due; or, when `early` is 1, of those that belong to
-- nobody the one that would be first, due or not. The score that a claim gives tells its token, the end of
-- its lease in microseconds, and a bit: no retry's score, which is whole, and no other claim's is ever the
-- same, not even that of one which was given back in this very millisecond.
-- Where fewer are due, some of those that were left to a later version come with them.
-- sink, priority, how many, lease in milliseconds, whether it is early, who claims, a number that grows
-- with each of their claims, and when their process claimed from this queue first ('' if it did not yet).
local base, sink, priority, lease = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local is_early = ARGV[5] == '1'
local claimer, number = base .. 'c:' .. ARGV[6] .. ':' .. priority .. ':' .. sink, ARGV[7]
local queue, ages = base .. 'q:' .. priority .. ':' .. sink, base .. 'a:' .. priority .. ':' .. sink
local aside = base .. 'v:' .. priority .. ':' .. sink
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token = (now + lease) * 1000 + time[2] % 1000
local score = string.format('%.17g', token / 1000 + 0.0005)
local out, next_due = {}, -1
-- The caller has given this up: the answer would reach no one.
local last = (redis.call('GET', claimer) or ''):match('^%d+')
if last and tonumber(last) >= tonumber(number) then return { now, next_due, token, out, 0 } end

-- How long one stays left before it is offered again: many of them cost no more than few. A process is
-- offered once, at its start, what was left before.
local n_aside = redis.call('ZCARD', aside)
local pause = math.max(60000, 6 * n_aside)
local began = tonumber(ARGV[8]) or now
local offered_to = string.format('%.0f', now - pause)
if began > now - pause then offered_to = '(' .. string.format('%.0f', began) end

local function take(id)
  local delivery = redis.pcall('HMGET', base .. 'd:' .. id, 'b', 'c', 'n', 'q', 'o')
  if delivery.err then
    -- In a key of another type nothing can be read; what is due besides must not wait for that.
    redis.call('ZADD', aside, now, id)
    redis.call('ZREM', queue, id)
    redis.call('ZREM', ages, id)
  elseif delivery[1] then
    redis.call('ZADD', queue, score, id)
    out[#out + 1] = id
    out[#out + 1] = delivery[1]
    out[#out + 1] = delivery[4] or delivery[2]
    local made, before = tonumber(delivery[3] or 0) or 0, tonumber(delivery[5] or 0) or 0
    out[#out + 1] = string.format('%.0f', math.max(0, made - before))
    out[#out + 1] = delivery[4] and '1' or '0'
  else
    redis.call('ZREM', queue, id)
    redis.call('ZREM', ages, id)
  end
end

-- Takes what was left at that instant, and gives it its place in the queue again. The time for which it was
-- left makes it no older: giving up counts from when it was queued.
local function take_left(id, left_at)
  local delivery = redis.pcall('HMGET', base .. 'd:' .. id, 'q', 'c')
  if delivery.err then
    redis.call('ZADD', aside, now, id)
    return
  end
  local queued = tonumber(delivery[1] or delivery[2] or now) or now
  queued = math.min(now, queued + math.max(0, now - left_at))
  redis.call('ZADD', ages, queued, id)
  redis.pcall('HSET', base .. 'd:' .. id, 'q', string.format('%.0f', queued))
  take(id)
  redis.call('ZREM', aside, id)
end

-- Who looks beyond what is due comes upon what others have claimed: its score is no whole number.
local function take_early()
  local skip = 0
  while true do
    local page = redis.call('ZRANGEBYSCORE', queue, '-inf', '+inf', 'WITHSCORES', 'LIMIT', skip, 64)
    if #page == 0 then return end
    for at = 1, #page, 2 do
      local score = tonumber(page[at + 1])
      if score <= now or score % 1 == 0 then
        take(page[at])
        if #out > 0 then return end
      else
        skip = skip + 1
      end
    end
  end
end

if is_early then
  take_early()
else
  local due = redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, ARGV[3])
  for _, id in ipairs(due) do take(id) end
  if n_aside > 0 and #due < tonumber(ARGV[3]) then
    local offered = redis.call('ZRANGEBYSCORE', aside, '-inf', offered_to, 'WITHSCORES', 'LIMIT', 0, 64)
    for at = 1, #offered, 2 do take_left(offered[at], tonumber(offered[at + 1])) end
  end
end
if #out > 0 then redis.call('SET', claimer, number .. ' ' .. score, 'PX', ARGV[4]) end
local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
if first[2] then next_due = math.ceil(tonumber(first[2])) end
local oldest = redis.call('ZRANGE', aside, 0, 0, 'WITHSCORES')
if oldest[2] then
  local offered_at = tonumber(oldest[2])
  if offered_at >= began then offered_at = offered_at + pause end
  if next_due < 0 or offered_at < next_due then next_due = offered_at end
end
return { now, next_due, token, out, redis.call('ZCARD', aside) }
