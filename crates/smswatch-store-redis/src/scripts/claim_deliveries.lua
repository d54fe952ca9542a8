-- Takes deliveries of one sink and priority that are due; or, when `early` is 1, of those that belong to
-- nobody the one that would be first, due or not. The score that a claim gives tells its token, the end of
-- its lease in microseconds, and a bit: no retry's score, which is whole, and no other claim's is ever the
-- same, not even that of one which was given back in this very millisecond.
-- sink, priority, how many, lease in milliseconds, whether it is early, who claims, and a number that grows
-- with each of their claims.
local base, sink, priority, lease = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local is_early = ARGV[5] == '1'
local claimer, number = base .. 'c:' .. ARGV[6] .. ':' .. priority .. ':' .. sink, ARGV[7]
local queue = base .. 'q:' .. priority .. ':' .. sink
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local token = (now + lease) * 1000 + time[2] % 1000
local score = string.format('%.17g', token / 1000 + 0.0005)
local out, next_due = {}, -1
-- Whoever wanted this has given it up: the answer would reach nobody.
local last = (redis.call('GET', claimer) or ''):match('^%d+')
if last and tonumber(last) >= tonumber(number) then return { now, next_due, token, out } end

local function take(id)
  local delivery = redis.call('HMGET', base .. 'd:' .. id, 'b', 'c', 'n', 'q', 'o')
  if delivery[1] then
    redis.call('ZADD', queue, score, id)
    out[#out + 1] = id
    out[#out + 1] = delivery[1]
    out[#out + 1] = delivery[4] or delivery[2]
    out[#out + 1] = string.format('%.0f', (delivery[3] or 0) - (delivery[5] or 0))
  else
    redis.call('ZREM', queue, id)
    redis.call('ZREM', base .. 'a:' .. priority .. ':' .. sink, id)
  end
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
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', queue, '-inf', now, 'LIMIT', 0, ARGV[3])) do take(id) end
end
if #out > 0 then redis.call('SET', claimer, number .. ' ' .. score, 'PX', ARGV[4]) end
local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
if first[2] then next_due = math.ceil(tonumber(first[2])) end
return { now, next_due, token, out }
