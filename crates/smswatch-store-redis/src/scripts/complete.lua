-- Writes what came of attempts whose token still holds.
-- Per delivery: id, token, outcome, delay in milliseconds, attempt as JSON, and 1 before the delivery that
-- is queued in its place, which stands as `enqueue` wants it, or 0.
local base, sink, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local queued, held, n_returned = 0, {}, 0

local at = 3
while at <= #ARGV do
  local id, outcome = ARGV[at], ARGV[at + 2]
  local key = base .. 'd:' .. id
  local delivery = redis.call('HMGET', key, 'p', 'n', 'a')
  local queue = base .. 'q:' .. (delivery[1] or '1') .. ':' .. sink
  local score = redis.call('ZSCORE', queue, id)
  if score and tonumber(score) == tonumber(ARGV[at + 1]) / 1000 + 0.0005 then
    -- What is held back was not attempted.
    local made = (tonumber(delivery[2] or 0) or 0) + (outcome == 'suppressed' and 0 or 1)
    -- First what is queued instead: done without the rest, it is found again, and changes nothing then.
    if ARGV[at + 5] == '1' and enqueue(base, now, at + 6) then queued = queued + 1 end
    if outcome == 'returned' then
      -- Its old place, and that of others from the same millisecond in the order in which they stand here.
      local queued = redis.call('ZSCORE', base .. 'a:' .. (delivery[1] or '1') .. ':' .. sink, id) or now
      n_returned = n_returned + 1
      redis.call('ZADD', queue, string.format('%.17g', queued - 1 + n_returned / 4096), id)
    elseif outcome == 'left' then
      leave(base, now, sink, delivery[1] or '1', id)
    elseif outcome == 'postponed' then
      redis.call('ZADD', queue, now + tonumber(ARGV[at + 3]), id)
    elseif outcome == 'pending' then
      redis.call('HSET', key, 'n', made, 'a', with_attempt(delivery[3], ARGV[at + 4], most))
      redis.call('ZADD', queue, now + tonumber(ARGV[at + 3]), id)
    else
      -- The list first: where Redis breaks the step off, no attempt is counted that is written again.
      redis.call('ZADD', base .. outcome .. ':' .. sink, now, id)
      redis.call('HSET', key, 's', outcome, 'n', made, 'a', with_attempt(delivery[3], ARGV[at + 4], most))
      redis.call('ZREM', queue, id)
      redis.call('ZREM', base .. 'a:' .. (delivery[1] or '1') .. ':' .. sink, id)
    end
    held[#held + 1] = 1
  else
    held[#held + 1] = 0
  end
  at = at + 6 + (ARGV[at + 5] == '1' and WIDTH or 0)
end
return { queued, held }
