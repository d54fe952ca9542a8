-- Queues one delivery again, due at once, or forgets it, if it is in one of the states that are named.
local base, action, id = KEYS[1], ARGV[1], ARGV[2]
local key = base .. 'd:' .. id
local delivery = redis.call('HMGET', key, 's', 'k', 'p', 'n')
local state, sink = delivery[1], delivery[2]
if not state then return { '', '', '' } end
local is_asked_for = false
for at = 3, #ARGV do is_asked_for = is_asked_for or ARGV[at] == state end
if not is_asked_for then return { 'refused', state, sink } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if action == 'requeue' then
  requeue(base, now, id, sink, delivery[3], delivery[4])
else
  forget_delivery(base, id)
end
redis.call('ZREM', base .. state .. ':' .. sink, id)
-- One that was left to a later version is left no more.
redis.call('ZREM', base .. 'v:' .. delivery[3] .. ':' .. sink, id)
return { 'done', state, sink }
