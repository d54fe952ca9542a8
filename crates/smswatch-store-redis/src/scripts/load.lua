-- Reads records. Per watch: bucket, field. A record that cannot be read is told as an empty one.
local base, records = KEYS[1], {}
for at = 1, #ARGV, 2 do
  local bucket, field = ARGV[at], ARGV[at + 1]
  local record = redis.pcall('HGET', base .. 'w:' .. bucket, field)
      or redis.pcall('HGET', base .. 'x:' .. bucket, field)
  -- In a key of another type nothing can be read.
  if type(record) == 'table' then record = '' end
  records[#records + 1] = record
end
return records
