-- Puts claimed watches aside that the caller cannot read: they are offered to claims now and then.
-- Priority; then per watch: bucket, field.
local base, lane = KEYS[1], ARGV[1]
for at = 2, #ARGV, 2 do
  local bucket, field = tonumber(ARGV[at]), ARGV[at + 1]
  local record = redis.pcall('HGET', base .. 'w:' .. bucket, field)
      or redis.pcall('HGET', base .. 'x:' .. bucket, field)
  if type(record) == 'string' then
    local place = string.char(math.floor(bucket / 256), bucket % 256) .. field
    redis.call('RPUSH', base .. 'u:' .. lane, record:sub(3, 8) .. place)
  end
end
return 1
