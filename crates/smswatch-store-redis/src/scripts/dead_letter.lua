-- Dead-letters deliveries that are pending, not critical and not claimed.
-- sink, how many attempts are kept, attempt as JSON; then for each its id, and 1 before the delivery that
-- is queued in its place, which stands as `enqueue` wants it, or 0.
local base, sink, most, attempt = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queue, queued, dead_lettered = base .. 'q:1:' .. sink, 0, {}

local at = 4
while at <= #ARGV do
  local id = ARGV[at]
  local key = base .. 'd:' .. id
  local score = redis.call('ZSCORE', queue, id)
  -- A claim's score is no whole number.
  local is_free = score and (tonumber(score) <= now or tonumber(score) % 1 == 0)
  local delivery = redis.call('HMGET', key, 's', 'a')
  local has_other = ARGV[at + 1] == '1'
  if is_free and delivery[1] == 'pending' then
    if has_other and enqueue(base, now, at + 2) then queued = queued + 1 end
    redis.call('HSET', key, 's', 'dead', 'a', with_attempt(delivery[2], attempt, most))
    redis.call('ZADD', base .. 'dead:' .. sink, now, id)
    redis.call('ZREM', queue, id)
    redis.call('ZREM', base .. 'a:1:' .. sink, id)
    dead_lettered[#dead_lettered + 1] = 1
  else
    dead_lettered[#dead_lettered + 1] = 0
  end
  at = at + 2 + (has_other and WIDTH or 0)
end
return { queued, dead_lettered }
