-- Reads records of a kind; what cannot be read is told as nothing. Kind, ids.
local values = {}
for at = 2, #ARGV do
  local value = redis.pcall('HGET', KEYS[1] .. 'g:' .. ARGV[1], ARGV[at])
  values[#values + 1] = type(value) == 'string' and value or ''
end
return values
