-- Reads records. Per watch: bucket, field.
local base, records = KEYS[1], {}
for at = 1, #ARGV, 2 do
  local bucket, field = ARGV[at], ARGV[at + 1]
  records[#records + 1] = redis.call('HGET', base .. 'w:' .. bucket, field)
      or redis.call('HGET', base .. 'x:' .. bucket, field)
end
return records
