-- Takes up ended deliveries: queues them again, due at once, or forgets them.
-- Those of one list: action, sink, state, rule, first and last end, end and id of the last one that was
-- looked at before ('' if none), how many to look at.
local base, action, sink, state, rule = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local first, last, seen_end, seen_id = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local limit = tonumber(ARGV[9])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local list = base .. state .. ':' .. sink
local found = behind(list, first, last, seen_end, seen_id, limit)

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
      requeue(base, now, id, sink, delivery[3], delivery[4])
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
