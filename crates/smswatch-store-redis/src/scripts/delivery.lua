-- Reads one delivery, and when it is due next.
local key = KEYS[1] .. 'd:' .. ARGV[1]
local delivery = redis.call('HMGET', key, 'k', 'r', 's', 'm', 'c', 'n', 'a', 'b', 'p', 'q')
if not delivery[1] then return {} end
local queue = KEYS[1] .. 'q:' .. delivery[9] .. ':' .. delivery[1]
local due = redis.call('ZSCORE', queue, ARGV[1]) or ''
return { ARGV[1], delivery[1], delivery[2], delivery[3], delivery[4], delivery[5], due,
  delivery[6] or '0', delivery[7] or '', delivery[8], delivery[10] or delivery[5] }
