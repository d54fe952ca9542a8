-- Takes up ended deliveries: queues them again, due at once, or forgets them.
-- Those of one list: action, sink, state, rule, first and last end, end and id of the last one that was
-- looked at before ('' if none), how many to look at.
local base, action, sink, state, rule = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local first, last, seen_end, seen_id = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local limit = tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local list = base .. state .. ':' .. sink
if seen_end ~= '' then first = seen_end end

-- What ended in the same millisecond as the last one, and lies before it, was looked at already.
local found, skip, is_all = {}, 0, false
while #found < limit and not is_all do
  local page = redis.call('ZRANGEBYSCORE', list, first, last, 'WITHSCORES', 'LIMIT', skip, limit)
  is_all = #page < 2 * limit
  skip = skip + limit
  for at = 1, #page, 2 do
    local is_seen = page[at + 1] == seen_end and page[at] <= seen_id
    if not is_seen and #found < limit then found[#found + 1] = { page[at], page[at + 1] } end
  end
end

local count = 0
for _, entry in ipairs(found) do
  local id = entry[1]
  local key = base .. 'd:' .. id
  local delivery = redis.call('HMGET', key, 's', 'r', 'p', 'n')
  if delivery[1] ~= state then
    -- A step that Redis broke off left it here.
    redis.call('ZREM', list, id)
  elseif rule == '' or delivery[2] == rule then
    if action == 'requeue' then
      -- The queue first: what is in it twice is sent twice, what is in no list is lost.
      redis.call('ZADD', base .. 'q:' .. delivery[3] .. ':' .. sink, next_turn(), id)
      redis.call('HSET', key, 's', 'pending', 'q', now, 'o', delivery[4] or '0')
      redis.call('ZADD', base .. 'a:' .. delivery[3] .. ':' .. sink, now, id)
    else
      forget_delivery(base, id)
    end
    redis.call('ZREM', list, id)
    count = count + 1
  end
end
local next_end, next_id = '', ''
if #found == limit then next_end, next_id = found[limit][2], found[limit][1] end
return { count, next_end, next_id }
