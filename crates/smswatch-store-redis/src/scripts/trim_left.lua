-- Removes a bounded number of entries that were left to a later version and are too old or too many.
-- Milliseconds to keep, count to keep.
local left = KEYS[1] .. 'left'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local surplus, removed = redis.call('XLEN', left) - tonumber(ARGV[2]), 0
if redis.call('EXISTS', left) == 0 then return 0 end
for _, entry in ipairs(redis.call('XRANGE', left, '-', '+', 'COUNT', 100)) do
  local is_old = tonumber(entry[1]:match('^%d+')) < now - tonumber(ARGV[1])
  if not is_old and removed >= surplus then break end
  redis.call('XDEL', left, entry[1])
  removed = removed + 1
end
return removed
